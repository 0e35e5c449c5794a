using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Redoubt.Lab.Commands;

/// <summary>
/// The background process of a lab that was brought up: it keeps namespaces and programs alive and carries out what the commands
/// ask over a socket: one JSON array of words, answered by text whose last line is "exit CODE".
/// </summary>
internal static class Holder
{
    private const int RequestLimit = 4096;
    private static readonly TimeSpan _requestTime = TimeSpan.FromSeconds(5);

    /// <summary>Runs until it is asked to go or gets SIGTERM; then everything is gone.</summary>
    public static int Run(LabDirectory directory, LabOptions options)
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using var end = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Close);
        using (var lab = new LabCluster(options))
        {
            lab.StartAll();
            listener.Bind(new UnixDomainSocketEndPoint(directory.Socket));
            listener.Listen(8);
            directory.Write(Describe(lab));
            Serve(listener, lab);
        }
        directory.Remove();
        return 0;

        void Close(PosixSignalContext signal)
        {
            signal.Cancel = true;
            listener.Dispose();
        }
    }

    /// <summary>Asks the holder; prints what it says, returns its exit code. Throws <see cref="LabException"/>.</summary>
    public static int Ask(LabDirectory directory, TextWriter output, params IReadOnlyList<string> words)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(directory.Socket));
            using var stream = new NetworkStream(socket);
            stream.Write(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(words) + "\n"));
            using var reader = new StreamReader(stream);
            while (reader.ReadLine() is { } line)
            {
                if (line.StartsWith("exit ", StringComparison.Ordinal))
                    return line == "exit 0" ? 0 : 1;
                output.WriteLine(line);
            }
            throw new LabException("the lab hung up");
        }
        catch (SocketException e)
        {
            throw new LabException($"no lab runs in {directory.Root} ({e.Message}); redoubt-lab up starts one", e);
        }
    }

    private static LabRecord Describe(LabCluster lab) =>
        new(
            Environment.ProcessId,
            LabDirectory.StartTimeOf(Environment.ProcessId)!,
            lab.Topology.Places.ToDictionary(p => p.Name, p => p.NamespacePath),
            [.. lab.Topology.Ports.Select(p => p.Name)],
            lab.RedoubtNodes.ToDictionary(n => n.Name, n => n.Control)
        );

    // One request at a time: faults are not raced.
    private static void Serve(Socket listener, LabCluster lab)
    {
        while (true)
        {
            try
            {
                using var stream = new NetworkStream(listener.Accept(), ownsSocket: true);
                stream.ReadTimeout = (int)_requestTime.TotalMilliseconds;
                var words = Read(stream);
                var (text, code) = words is ["down"] ? ("", 0) : Carry(lab, words);
                stream.Write(Encoding.UTF8.GetBytes($"{text}{(text.Length > 0 ? "\n" : "")}exit {code}\n"));
                if (words is ["down"])
                    return;
            }
            catch (Exception e) when (e is IOException or JsonException)
            {
                Console.Error.WriteLine($"redoubt-lab: {e.Message}");
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private static string[] Read(NetworkStream stream)
    {
        var line = new List<byte>();
        for (int b; (b = stream.ReadByte()) is not (-1 or '\n'); line.Add((byte)b))
        {
            if (line.Count == RequestLimit)
                throw new JsonException("the request is too long");
        }
        return JsonSerializer.Deserialize<string[]>(line.ToArray()) ?? [];
    }

    private static (string Text, int Code) Carry(LabCluster lab, string[] words)
    {
        try
        {
            return (FaultCommand.Run(lab, words), 0);
        }
        catch (Exception e) when (e is LabException or ArgumentException)
        {
            return (e.Message, 1);
        }
    }
}
