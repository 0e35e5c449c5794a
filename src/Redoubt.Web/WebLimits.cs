using Redoubt.Core.XmlRpc;

namespace Redoubt.Web;

/// <summary>What strangers may take of this process.</summary>
public sealed record WebLimits
{
    /// <summary>Connections at once; further ones are closed.</summary>
    public int Connections { get; init; } = 1024;

    /// <summary>Connections at once from one source.</summary>
    public int ConnectionsPerSource { get; init; } = 256;

    /// <summary>How long the TLS handshake may take.</summary>
    public TimeSpan Handshake { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the headers of a request may take.</summary>
    public TimeSpan Headers { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a connection may be idle.</summary>
    public TimeSpan Idle { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Bytes of all headers of a request.</summary>
    public int HeaderBytes { get; init; } = 16 << 10;

    /// <summary>Bytes a second that a body must bring, after <see cref="RateGrace"/>.</summary>
    public double BytesPerSecond { get; init; } = 4096;

    /// <summary>How long a body may be slower.</summary>
    public TimeSpan RateGrace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a body may take altogether.</summary>
    public TimeSpan Body { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Calls that are worked on at once.</summary>
    public int Calls { get; init; } = 16;

    /// <summary>Calls that may wait for that.</summary>
    public int WaitingCalls { get; init; } = 512;

    /// <summary>How long a call may wait: for its turn, for the lock of changes.</summary>
    public TimeSpan Wait { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long the daemon may take for a change.</summary>
    public TimeSpan Change { get; init; } = TimeSpan.FromSeconds(150);

    /// <summary>How long the daemon may take to tell something.</summary>
    public TimeSpan Question { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Bytes of a body, unpacked, of which several may be in memory at once; there is one at a time of larger ones.</summary>
    public int SmallBody { get; init; } = 1 << 20;

    /// <summary>Bytes, depth and counts of a message.</summary>
    public XmlRpcLimits Message { get; init; } = XmlRpcLimits.Default;

    /// <summary>Sources whose failed tries are remembered; the oldest is forgotten.</summary>
    public int RememberedSources { get; init; } = 4096;
}
