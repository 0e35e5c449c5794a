using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Redoubt.Web;

/// <summary>Counts connections by source, and closes those that are too many before anything is read from them.</summary>
internal sealed class ConnectionCount(WebLimits limits)
{
    private readonly Dictionary<IPAddress, int> _open = [];
    private readonly Lock _gate = new();
    private long _refused;

    /// <summary>Connections closed for being too many.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>The connection middleware.</summary>
    public ConnectionDelegate Count(ConnectionDelegate next) =>
        async connection =>
        {
            var source = (connection.RemoteEndPoint as IPEndPoint)?.Address ?? IPAddress.None;
            if (!TryEnter(source))
            {
                Interlocked.Increment(ref _refused);
                connection.Abort();
                return;
            }
            try
            {
                await next(connection).ConfigureAwait(false);
            }
            finally
            {
                Leave(source);
            }
        };

    private bool TryEnter(IPAddress source)
    {
        lock (_gate)
        {
            var open = _open.GetValueOrDefault(source);
            if (open >= limits.ConnectionsPerSource)
                return false;
            _open[source] = open + 1;
            return true;
        }
    }

    private void Leave(IPAddress source)
    {
        lock (_gate)
        {
            if (--_open[source] == 0)
                _open.Remove(source);
        }
    }
}
