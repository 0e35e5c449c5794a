namespace Redoubt.Core.Configuration;

/// <summary>ICMP types: pfSense's words and nft's.</summary>
internal static class IcmpTypeNames
{
    public static string? ForIPv4(string name) =>
        name switch
        {
            "echoreq" => "echo-request",
            "echorep" => "echo-reply",
            "unreach" => "destination-unreachable",
            "squench" => "source-quench",
            "redir" => "redirect",
            "routeradv" => "router-advertisement",
            "routersol" => "router-solicitation",
            "timex" => "time-exceeded",
            "paramprob" => "parameter-problem",
            "timereq" => "timestamp-request",
            "timerep" => "timestamp-reply",
            _ => null,
        };

    public static string? ForIPv6(string name) =>
        name switch
        {
            "echoreq" => "echo-request",
            "echorep" => "echo-reply",
            "unreach" => "destination-unreachable",
            "toobig" => "packet-too-big",
            "timex" => "time-exceeded",
            "paramprob" => "parameter-problem",
            "routersol" => "nd-router-solicit",
            "routeradv" => "nd-router-advert",
            "neighbrsol" => "nd-neighbor-solicit",
            "neighbradv" => "nd-neighbor-advert",
            "redir" => "nd-redirect",
            _ => null,
        };
}
