using System.Net;
using Redoubt.Lab.Traffic;

namespace Redoubt.Lab.Scenarios;

/// <summary>What the client's users do while the firewalls fail: a download, an upload, and a numbered datagram each millisecond.</summary>
internal sealed class ClientTraffic : IDisposable
{
    private const long LongestLength = 8L << 30;
    private const int ProbeRate = 1000;
    private static readonly IPAddress _server = IPAddress.Parse(Topology.ServerAddress);
    private readonly UdpEcho _echo;
    private readonly TransferServer _transfers;

    public ClientTraffic(LabCluster lab, long downloadRate, long uploadRate)
    {
        var (client, server) = (lab.Topology.Client.Namespace, lab.Topology.Server.Namespace);
        _echo = new UdpEcho(server, new IPEndPoint(_server, 0));
        _transfers = new TransferServer(server, new IPEndPoint(_server, 0));
        Probe = new UdpProbe(client, _echo.EndPoint, ProbeRate);
        Download = new Transfer(client, _transfers, TransferDirection.Download, LongestLength, downloadRate);
        Upload = new Transfer(client, _transfers, TransferDirection.Upload, LongestLength, uploadRate);
    }

    public UdpProbe Probe { get; }

    public Transfer Download { get; }

    public Transfer Upload { get; }

    public void Mark(string name)
    {
        Probe.Mark(name);
        Download.Mark(name);
        Upload.Mark(name);
    }

    /// <summary>Waits until so many more bytes have come down, and some more have gone up.</summary>
    public void AwaitProgress(long bytes, Deadline deadline)
    {
        var (down, up) = (Download.Bytes, Upload.Bytes);
        deadline.Await(
            $"{bytes >> 20} MiB more come down, and the upload goes on",
            () => Download.Bytes >= down + bytes && Upload.Bytes > up,
            () =>
                $"{(Download.Bytes - down) >> 20} MiB down, {(Upload.Bytes - up) >> 20} MiB up, {Download.Result.Error} {Upload.Result.Error}"
        );
    }

    public void Dispose()
    {
        Probe.Dispose();
        Download.Dispose();
        Upload.Dispose();
        _echo.Dispose();
        _transfers.Dispose();
    }
}
