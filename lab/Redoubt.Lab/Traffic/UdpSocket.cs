using System.Net;
using System.Net.Sockets;
using Redoubt.Linux;

namespace Redoubt.Lab.Traffic;

/// <summary>Opens datagram sockets inside a namespace; they stay there whichever thread uses them.</summary>
internal static class UdpSocket
{
    public static Socket Open(NetworkNamespace where, IPEndPoint local)
    {
        Socket? socket = null;
        where.Run(() =>
        {
            socket = new Socket(local.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            try
            {
                socket.Bind(local);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        });
        return socket!;
    }
}
