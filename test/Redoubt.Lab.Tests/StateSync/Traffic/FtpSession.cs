using System.Net;
using System.Net.Sockets;
using System.Text;
using Redoubt.Lab.Network;

namespace Redoubt.Lab.Tests.StateSync.Traffic;

/// <summary>A client of FTP (RFC 959) whose steps can be taken one by one: what is announced may be fetched later.</summary>
internal sealed class FtpSession : IDisposable
{
    private const int Timeout = 15_000;
    private readonly Place _place;
    private readonly Socket _control;
    private Socket? _listener;
    private IPEndPoint? _announced;

    public FtpSession(Place place, string server)
    {
        _place = place;
        _control = Open();
        _control.Connect(new IPEndPoint(IPAddress.Parse(server), 21));
        Answer("220");
        Command("USER anonymous", "230");
        Command("TYPE I", "200");
    }

    /// <summary>Has the server name a port of its own, to which the data connection will go.</summary>
    public void AnnouncePassive()
    {
        var line = Command("PASV", "227");
        var numbers = line[(line.IndexOf('(') + 1)..line.IndexOf(')')].Split(',').Select(byte.Parse).ToArray();
        _announced = new IPEndPoint(new IPAddress(numbers.AsSpan(0, 4)), (numbers[4] << 8) | numbers[5]);
    }

    /// <summary>Names a port of ours, to which the server will connect.</summary>
    public void AnnounceActive()
    {
        _listener = Open();
        _listener.Bind(new IPEndPoint(IPAddress.Parse(Topology.ClientAddress), 0));
        _listener.Listen(1);
        var port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        Command($"PORT {Topology.ClientAddress.Replace('.', ',')},{port >> 8},{port & 255}", "200");
    }

    /// <summary>Fetches the file over the data connection that was announced.</summary>
    public byte[] Fetch()
    {
        Socket data;
        if (_listener is null)
        {
            data = Open();
            data.Connect(_announced!);
            Command($"RETR {FtpServer.FileName}", "150");
        }
        else
        {
            Command($"RETR {FtpServer.FileName}", "150");
            Assert.True(_listener.Poll(TimeSpan.FromMilliseconds(Timeout), SelectMode.SelectRead), "the server connects");
            data = _listener.Accept();
            data.ReceiveTimeout = Timeout;
            _listener.Dispose();
            _listener = null;
        }
        using var content = new MemoryStream();
        using (data)
        {
            var buffer = new byte[65536];
            for (int length; (length = data.Receive(buffer)) > 0; )
                content.Write(buffer, 0, length);
        }
        Answer("226");
        return content.ToArray();
    }

    public string Command(string command, string expected)
    {
        _control.Send(Encoding.ASCII.GetBytes(command + "\r\n"));
        return Answer(expected);
    }

    public void Dispose()
    {
        _control.Dispose();
        _listener?.Dispose();
    }

    private Socket Open()
    {
        var socket = _place.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        socket.ReceiveTimeout = socket.SendTimeout = Timeout;
        return socket;
    }

    private string Answer(string expected)
    {
        var line = new StringBuilder();
        for (var one = new byte[1]; _control.Receive(one) == 1 && one[0] != '\n'; )
            line.Append((char)one[0]);
        Assert.StartsWith(expected, line.ToString());
        return line.ToString();
    }
}
