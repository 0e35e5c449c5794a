using Redoubt.Daemon.Events;

namespace Redoubt.Daemon.Control;

/// <summary>The daemon's end of the control socket.</summary>
public sealed class ControlServer : IDisposable
{
    /// <summary>Prepares a server; nothing is opened before <see cref="Start"/>.</summary>
    public ControlServer(string socketPath, ControlVerbs verbs, EventLog events, ServerLimits? limits = null)
    {
        _ = (socketPath, verbs, events, limits);
    }

    /// <summary>Opens the socket. Throws <see cref="IOException"/> with a sentence for people when it cannot.</summary>
    public void Start() { }

    /// <summary>Closes the socket and every connection, and removes the socket's file.</summary>
    public void Stop() { }

    /// <inheritdoc />
    public void Dispose() => Stop();
}
