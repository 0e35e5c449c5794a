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
}
