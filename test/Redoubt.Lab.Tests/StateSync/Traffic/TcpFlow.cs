using System.Net;
using System.Net.Sockets;
using Redoubt.Lab.Network;

namespace Redoubt.Lab.Tests.StateSync.Traffic;

/// <summary>One TCP connection; a byte goes each way.</summary>
internal sealed class TcpFlow : IFlow
{
    private readonly Socket _near;
    private readonly Socket _far;

    public TcpFlow(string name, Place near, Place far, IPEndPoint listen, IPEndPoint? target = null)
    {
        Name = name;
        using var listener = far.Run(() => new Socket(listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(listen);
        listener.Listen(1);
        _near = near.Run(() => new Socket(listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        _near.Connect(target ?? listen);
        _far = listener.Accept();
        _near.NoDelay = _far.NoDelay = true;
    }

    public string Name { get; }

    public bool Exchange(Deadline deadline) => Pass(_far, _near, deadline) && Pass(_near, _far, deadline);

    /// <summary>Sends so many bytes from the far end to the near one; false when they did not all arrive in time.</summary>
    public bool Download(int length, Deadline deadline)
    {
        var buffer = new byte[65536];
        _near.ReceiveTimeout = 5000;
        _far.SendTimeout = 15_000;
        var sending = Task.Run(() =>
        {
            for (var sent = 0; sent < length; )
                sent += _far.Send(new byte[Math.Min(65536, length - sent)]);
        });
        try
        {
            for (var received = 0; received < length && !deadline.HasPassed; )
                received += _near.Receive(buffer, Math.Min(buffer.Length, length - received), SocketFlags.None);
            return sending.Wait(deadline.Left);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        _near.Dispose();
        _far.Dispose();
    }

    private static bool Pass(Socket from, Socket to, Deadline deadline)
    {
        try
        {
            from.Send([7]);
            to.ReceiveTimeout = Math.Max(1, (int)deadline.Left.TotalMilliseconds);
            return to.Receive(new byte[1]) == 1;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
