using System.Collections.Immutable;

namespace Redoubt.Core.XmlRpc;

/// <summary>Reads the statements of a snippet; every step that does not fit makes the whole snippet unknown.</summary>
internal sealed class PhpSnippetReader(List<PhpToken> tokens)
{
    private const int MostStatements = 64;
    private readonly Dictionary<string, RecognisedQuery> _variables = [];
    private readonly List<RecognisedQuery> _actions = [];
    private readonly List<KeyValuePair<string, RecognisedQuery>> _answers = [];
    private bool _asJson;
    private string? _package;
    private int _at;

    private PhpToken Now => tokens[_at];

    /// <summary>The snippet's meaning, or null.</summary>
    public RecognisedSnippet? Read()
    {
        for (var statements = 0; Now.Kind != PhpTokenKind.End; statements++)
        {
            if (statements == MostStatements || !TryStatement())
                return null;
        }
        return _answers.Count + _actions.Count == 0 ? null : new RecognisedSnippet([.. _actions], [.. _answers], _asJson);
    }

    private bool TryStatement() =>
        Now.Kind switch
        {
            PhpTokenKind.Variable when Now.Text == "toreturn" => TryAnswer(),
            PhpTokenKind.Variable => TryAssignment(),
            PhpTokenKind.Name => Now.Text switch
            {
                "global" => Take("global", "$config", ";"),
                "ini_set" => Take("ini_set", "(", "'display_errors", ",", "0", ")", ";"),
                "require_once" => TryRequire(),
                "foreach" => TryForEach(),
                "if" => TryIf(),
                "unset" => TryUnset(),
                _ => TryAction(),
            },
            _ => false,
        };

    // $toreturn = [ 'name' => query, ... ];   $toreturn = array(...);   $toreturn = query;   $toreturn['name'] = query;
    private bool TryAnswer()
    {
        _at++;
        if (Take("[", "'voucher", "]", "="))
            return TryVoucher();
        if (!Take("=") || _answers.Count > 0)
            return false;
        string close;
        if (Take("["))
            close = "]";
        else if (Take("array", "("))
            close = ")";
        else
            return TryQuery(out var query) && Take(";") && AddAnswer("", query);
        while (!Take(close))
        {
            if (Now.Kind != PhpTokenKind.Text || Now.Text.Length == 0)
                return false;
            var name = Now.Text;
            _at++;
            if (!Take("=>") || !TryQuery(out var query) || !AddAnswer(name, query))
                return false;
            if (!Take(",") && !IsNext(close))
                return false;
        }
        return Take(";");
    }

    private bool AddAnswer(string name, RecognisedQuery query)
    {
        if (query.IsAction || _answers.Exists(a => a.Key == name))
            return false;
        _answers.Add(new(name, query));
        return true;
    }

    // $toreturn['voucher'] = $config['voucher']['zone'];   or of a variable that holds the zone
    private bool TryVoucher()
    {
        if (!Take("$config", "[", "'voucher", "]", "["))
            return false;
        string zone;
        if (Now.Kind == PhpTokenKind.Text)
            zone = Now.Text;
        else if (Now.Kind == PhpTokenKind.Variable && _variables.TryGetValue(Now.Text, out var held) && held.Call == RecognisedCall.Text)
            zone = held.Argument;
        else
            return false;
        _at++;
        return Take("]", ";") && IsName(zone) && AddAnswer("voucher", new RecognisedQuery(RecognisedCall.Voucher, zone));
    }

    // $name = 'text';   $name = query;   $name = [];   $toreturn_real = $toreturn;
    private bool TryAssignment()
    {
        var name = Now.Text;
        _at++;
        if (name == "config" || !Take("="))
            return false;
        if (name == "toreturn_real" && Take("$toreturn", ";", "$toreturn", "=", "[", "]", ";"))
            return TryJson();
        if (Take("[", "]", ";"))
        {
            _variables.Remove(name);
            return true;
        }
        if (Now.Kind == PhpTokenKind.Text)
        {
            _variables[name] = new RecognisedQuery(RecognisedCall.Text, Now.Text);
            _at++;
            return Take(";");
        }
        if (!TryQuery(out var query) || query.IsAction)
            return false;
        _variables[name] = query;
        return Take(";");
    }

    // Everything that was to be returned goes as JSON instead; nothing may follow.
    private bool TryJson()
    {
        if (_answers.Count == 0 || _asJson)
            return false;
        _asJson = true;
        return Take("$toreturn", "[", "'real", "]", "=", "json_encode", "(", "$toreturn_real", ")", ";") && Now.Kind == PhpTokenKind.End;
    }

    // foreach (query as $item) { $list[] = $item; }, and the same with the two tests that leave out empty services
    private bool TryForEach()
    {
        _at++;
        if (!Take("(") || !TryQuery(out var query) || query.IsAction || !Take("as") || Now.Kind != PhpTokenKind.Variable)
            return false;
        var item = "$" + Now.Text;
        _at++;
        if (!Take(")", "{"))
            return false;
        _ = Take("if", "(", "!", "is_array", "(", item, ")", ")", "{", "continue", ";", "}");
        var tested = Take("if", "(", "!", "empty", "(", item, ")", ")", "{");
        if (Now.Kind != PhpTokenKind.Variable || Now.Text is "config" or "toreturn")
            return false;
        var list = Now.Text;
        _at++;
        if (!Take("[", "]", "=", item, ";") || (tested && !Take("}")) || !Take("}"))
            return false;
        _variables[list] = query;
        return true;
    }

    // if (!$running) { start_service($name); }
    private bool TryIf()
    {
        _at++;
        if (!Take("("))
            return false;
        _ = Take("!");
        if (
            Now.Kind != PhpTokenKind.Variable
            || !_variables.TryGetValue(Now.Text, out var held)
            || held.Call != RecognisedCall.ServiceRunning
        )
            return false;
        _at++;
        return Take(")", "{") && TryAction() && Take("}");
    }

    // unset($toreturn['vouchersyncpass'], ...): those are left out anyway
    private bool TryUnset()
    {
        _at++;
        if (!Take("(") || !_answers.Exists(a => a.Value.Call == RecognisedCall.Voucher))
            return false;
        while (true)
        {
            if (!Take("$toreturn", "["))
                return false;
            _ = Take("'voucher", "]", "[");
            if (Now.Kind != PhpTokenKind.Text || !Now.Text.StartsWith("vouchersync", StringComparison.Ordinal))
                return false;
            _at++;
            if (!Take("]"))
                return false;
            if (Take(")", ";"))
                return true;
            if (!Take(","))
                return false;
        }
    }

    // require_once 'x.inc'; says nothing, but for a package, whose function may follow
    private bool TryRequire()
    {
        const string Packages = "/usr/local/pkg/";
        _at++;
        var bracket = Take("(");
        if (Now.Kind != PhpTokenKind.Text || !Now.Text.EndsWith(".inc", StringComparison.Ordinal))
            return false;
        var file = Now.Text;
        _at++;
        if (file.StartsWith(Packages, StringComparison.Ordinal))
        {
            _package = file[Packages.Length..^".inc".Length];
            if (!IsName(_package))
                return false;
        }
        return (!bracket || Take(")")) && Take(";");
    }

    private bool TryAction()
    {
        var name = Now.Text;
        _at++;
        if (!Take("("))
            return false;
        var action = name switch
        {
            "filter_configure" or "openvpn_resync_all" or "services_dhcpd_configure" => new RecognisedQuery(RecognisedCall.ReloadFilter),
            "interfaces_vips_configure" or "interfaces_carp_configure" => new RecognisedQuery(RecognisedCall.ReloadAddresses),
            "start_service" or "stop_service" or "restart_service" or "restart_service_if_running" when TryTextArgument(out var service) =>
                new RecognisedQuery(RecognisedCall.ControlService, service),
            _ when _package is { } package && name.StartsWith(package + "_sync", StringComparison.Ordinal) => new RecognisedQuery(
                RecognisedCall.PackageSync,
                package
            ),
            _ => new RecognisedQuery(RecognisedCall.True),
        };
        if (!action.IsAction || !Take(")", ";"))
            return false;
        _actions.Add(action);
        return true;
    }

    private bool TryQuery(out RecognisedQuery query)
    {
        query = default;
        _ = Take("(", "bool", ")");
        if (Now.Kind == PhpTokenKind.Variable)
        {
            var name = Now.Text;
            _at++;
            return name == "config"
                ? TryConfigPath(out query)
                : _variables.TryGetValue(name, out query) && query.Call != RecognisedCall.Text;
        }
        if (Now.Kind != PhpTokenKind.Name)
            return false;
        var function = Now.Text;
        _at++;
        if (function == "true")
        {
            query = new RecognisedQuery(RecognisedCall.True);
            return true;
        }
        return Take("(") && TryFunction(function, out query) && Take(")");
    }

    private bool TryFunction(string name, out RecognisedQuery query)
    {
        RecognisedCall? call = name switch
        {
            "get_carp_status" => RecognisedCall.CarpStatus,
            "get_carp_interface_status" => RecognisedCall.CarpInterfaceStatus,
            "return_gateways_array" => RecognisedCall.Gateways,
            "return_gateways_status" => RecognisedCall.GatewayStatus,
            "config_get_path" => RecognisedCall.Configuration,
            "system_get_uniqueid" => RecognisedCall.UniqueId,
            "system_get_serial" => RecognisedCall.Serial,
            "system_identify_specific_platform" => RecognisedCall.Platform,
            "get_configured_interface_with_descr" => RecognisedCall.InterfaceDescriptions,
            "get_services" => RecognisedCall.Services,
            "is_service_running" => RecognisedCall.ServiceRunning,
            "is_service_enabled" => RecognisedCall.ServiceEnabled,
            "system_get_dhcpleases" => RecognisedCall.DhcpLeases,
            "system_get_arp_table" => RecognisedCall.ArpTable,
            _ => null,
        };
        query = default;
        if (call is null)
            return false;
        var argument = "";
        switch (call)
        {
            case RecognisedCall.CarpInterfaceStatus or RecognisedCall.ServiceRunning or RecognisedCall.ServiceEnabled:
                if (!TryTextArgument(out argument))
                    return false;
                break;
            case RecognisedCall.Configuration:
                if (Now.Kind != PhpTokenKind.Text || !IsPath(Now.Text))
                    return false;
                argument = Now.Text.Trim('/');
                _at++;
                _ = Take(",", "[", "]") || Take(",", "''") || Take(",", "null");
                break;
            case RecognisedCall.GatewayStatus or RecognisedCall.ArpTable or RecognisedCall.Gateways:
                _ = Take("true") || Take("false");
                break;
            default:
                break;
        }
        query = new RecognisedQuery(call.Value, argument);
        return true;
    }

    // $config['a']['b']
    private bool TryConfigPath(out RecognisedQuery query)
    {
        var path = new List<string>();
        query = default;
        while (Take("["))
        {
            if (Now.Kind is not (PhpTokenKind.Text or PhpTokenKind.Number) || !IsName(Now.Text))
                return false;
            path.Add(Now.Text);
            _at++;
            if (!Take("]"))
                return false;
        }
        query = new RecognisedQuery(RecognisedCall.Configuration, string.Join('/', path));
        return true;
    }

    private bool TryTextArgument(out string text)
    {
        text = "";
        if (Now.Kind == PhpTokenKind.Text)
            text = Now.Text;
        else if (Now.Kind == PhpTokenKind.Variable && _variables.TryGetValue(Now.Text, out var held) && held.Call == RecognisedCall.Text)
            text = held.Argument;
        else
            return false;
        _at++;
        return IsName(text);
    }

    private bool IsNext(string symbol) => Now == new PhpToken(PhpTokenKind.Symbol, symbol);

    // $x is a variable, 'x a text, everything else a name, number or symbol. Takes all of them or none.
    private bool Take(params ReadOnlySpan<string> wanted)
    {
        for (var i = 0; i < wanted.Length; i++)
        {
            var token = tokens[Math.Min(_at + i, tokens.Count - 1)];
            var (isKind, text) = wanted[i][0] switch
            {
                '$' => (token.Kind == PhpTokenKind.Variable, wanted[i][1..]),
                '\'' => (token.Kind == PhpTokenKind.Text, wanted[i] == "''" ? "" : wanted[i][1..]),
                _ => (token.Kind is PhpTokenKind.Name or PhpTokenKind.Number or PhpTokenKind.Symbol, wanted[i]),
            };
            if (!isKind || token.Text != text)
                return false;
        }
        _at += wanted.Length;
        return true;
    }

    private static bool IsName(string text) =>
        text.Length is > 0 and <= 64 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.') && text[0] != '.';

    private static bool IsPath(string text) => text.Length is > 0 and <= 256 && text.Trim('/').Split('/').All(IsName);
}
