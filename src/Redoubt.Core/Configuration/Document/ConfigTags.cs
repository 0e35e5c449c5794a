using System.Collections.Frozen;

namespace Redoubt.Core.Configuration.Document;

/// <summary>What pfSense knows about tags by their name alone: which repeat, which are wrapped in CDATA, and which hold secrets.</summary>
public static class ConfigTags
{
    /// <summary>What stands in the place of a secret in diffs and redacted sections.</summary>
    public const string Masked = "***";

    // Tags that always parse to a list in pfSense, even where they occur once (its table, the historic names included).
    private static readonly FrozenSet<string> _lists = Words(
        """
        acls alias aliasurl allowedhostname allowedip authserver bridged build_port_path ca cacert cert checkipservice clone columnitem config
        container crl depends_on_package disk dnsserver dnsupdate domainoverrides dyndns earlyshellcmd element encryption-algorithm-option field
        fieldname gateway_group gateway_item gif gre group hash-algorithm-option hosts ifgroupentry igmpentry interface_array item key l7rules lagg
        laggroup lbaction lbpool lbprotocol member menu mobilegroup mobilekey monitor_type mount npt ntpserver onetoone openvpn-client openvpn-csc
        openvpn-server option package pages passthrumac phase1 phase2 pipe pool ppp pppoe priv proxyarpnet qinqentry queue radnsserver roll route
        row rrddatafile rule schedule servernat servers serversdisabled service shellcmd sshkeyfile staticmap subqueue switch swport tab
        timerange tunnel user vip virtual_server vlan vlangroup voucherdbfile vxlan wgpeer widget winsserver wolentry xmldatafile
        """
    );

    private static readonly string[] _cdata =
    [
        .. """
            aclname auth_pass auth_prompt auth_user certca certname city common_name descr detail email encryption_password hint ldap_attr ldap_authcn
            ldap_basedn ldap_basedomain ldap_bind ldapbinddn ldapbindpass ldap_extended_query ldap_filter ldap_pam_groupdn ldap_pass ldap_user
            login_banner organization password proxypass proxyuser rangedescr state text username varusersusername varuserspassword
            """.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
    ];

    private static readonly FrozenSet<string> _secrets = Words(
        """
        prv pre-shared-key psk ipsecpsk privatekey private-key presharedkey shared_key tls ddnsdomainkey ldap_bindpw radiuskey radius_key rocommunity
        rwcommunity community apikey api_key token authtoken wpa_passphrase passphrase auth_key authkey secretkey
        """
    );

    private static readonly string[] _secretParts = ["password", "passwd", "secret"];
    private static readonly string[] _secretEnds = ["pass", "pwd", "-hash", "pwhash", "_psk"];

    /// <summary>Whether the tag always is an item of a list. Any other tag may occur once in its parent.</summary>
    public static bool IsList(string name) => _lists.Contains(name);

    /// <summary>Whether pfSense writes the tag's text in CDATA: its name begins with one of a list of words.</summary>
    public static bool IsCData(string name)
    {
        foreach (var prefix in _cdata)
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal))
                return true;
        }
        return false;
    }

    /// <summary>Whether the tag's text is a password, a hash of one, or a private key: never in a diff, a log or an answer.</summary>
    public static bool IsSecret(string name)
    {
        if (_secrets.Contains(name))
            return true;
        if (name is "secretfile")
            return false;
        foreach (var part in _secretParts)
        {
            if (name.Contains(part, StringComparison.Ordinal))
                return true;
        }
        foreach (var end in _secretEnds)
        {
            if (name.EndsWith(end, StringComparison.Ordinal))
                return true;
        }
        return false;
    }

    private static FrozenSet<string> Words(string text) =>
        text.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);
}
