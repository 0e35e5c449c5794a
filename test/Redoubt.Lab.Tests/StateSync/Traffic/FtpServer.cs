using System.Security.Cryptography;
using Redoubt.Lab.Network;
using Redoubt.Lab.Processes;

namespace Redoubt.Lab.Tests.StateSync.Traffic;

/// <summary>Debian's vsftpd in a place, with one file for everybody.</summary>
internal sealed class FtpServer : IDisposable
{
    public const string FileName = "file";
    private readonly LabProcess _process;

    public FtpServer(Place place, string directory)
    {
        var root = Path.Combine(directory, "ftp");
        Directory.CreateDirectory(root);
        Content = RandomNumberGenerator.GetBytes(300_000);
        File.WriteAllBytes(Path.Combine(root, FileName), Content);
        var config = Path.Combine(directory, "vsftpd.conf");
        // It starts as nobody else than who runs the lab, and needs no account of its own.
        File.WriteAllText(
            config,
            $"""
            listen=YES
            listen_ipv6=NO
            background=NO
            anonymous_enable=YES
            no_anon_password=YES
            local_enable=NO
            run_as_launching_user=YES
            ftp_username=root
            anon_root={root}
            secure_chroot_dir={root}
            seccomp_sandbox=NO
            isolate=NO
            isolate_network=NO

            """
        );
        _process = LabProcess.Start(place, "vsftpd", Path.Combine(directory, "vsftpd.log"), "vsftpd", config);
        Deadline
            .In(10)
            .Await(
                "vsftpd listens",
                () =>
                    place.Execute("ss", "-Hltn", "sport", "=", ":21").Length > 0
                    || (_process.IsRunning ? false : throw new LabException(_process.Tail)),
                () => _process.Tail
            );
    }

    public byte[] Content { get; }

    public string Tail => _process.Tail;

    public void Dispose() => _process.Dispose();
}
