namespace Redoubt.Control;

/// <summary>Limits that both ends of the control socket keep to.</summary>
public static class ControlLimits
{
    /// <summary>Where the socket is unless told otherwise.</summary>
    public const string DefaultSocket = "/run/redoubt/control.sock";

    /// <summary>Bytes of one line, its newline included.</summary>
    public const int Line = 1 << 20;

    /// <summary>Nesting of one JSON line.</summary>
    public const int Depth = 16;

    /// <summary>Bytes of a socket's path: sun_path of sockaddr_un is 108 with its final zero.</summary>
    public const int SocketPath = 107;

    /// <summary>Characters of a demotion's reason.</summary>
    public const int Reason = 64;

    /// <summary>Highest amount of one demotion; the sum is clamped to the same number on the wire.</summary>
    public const int Demotion = 240;

    /// <summary>Characters of the name of a user, section, area or node.</summary>
    public const int Name = 64;

    /// <summary>Characters of the reason of a change of the configuration.</summary>
    public const int ConfigReason = 256;

    /// <summary>Characters of a password.</summary>
    public const int Password = 1024;

    /// <summary>Names in one list of a request: areas, sections, privileges, nodes passed.</summary>
    public const int Names = 256;

    /// <summary>Longest time that a change may wait for its confirmation, seconds.</summary>
    public const int ConfirmSeconds = 3600;

    /// <summary>Problems, and likewise differences, that one answer holds; the message says how many there are.</summary>
    public const int Differences = 500;

    /// <summary>Characters that are kept of one text in a difference.</summary>
    public const int DifferenceText = 256;

    /// <summary>Characters of a token of <c>cluster init</c> or <c>cluster join</c>.</summary>
    public const int Token = 8192;
}
