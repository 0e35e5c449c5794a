using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Xml.Linq;
using Redoubt.Control;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;

namespace Redoubt.Lab.Bench.Push;

/// <summary>
/// Two nodes with redoubt-web each. The first one's configuration grows to thousands of rules, changes in one rule, and does not change at all; how long until the second one was read back
/// and has the same, and what <c>nft -f</c> alone takes for the same ruleset.
/// </summary>
internal sealed class PushBench : IDisposable
{
    private const string Account = "sync";
    private const string Password = "push secret 1";
    private static readonly TimeSpan _settle = TimeSpan.FromSeconds(2);
    private readonly LabCluster _lab;
    private readonly LabProcess[] _webs;
    private readonly int _rules;
    private readonly byte[] _small;

    /// <summary>Brings both up, in sync. Throws <see cref="LabException"/>.</summary>
    public PushBench(int rules)
    {
        _rules = rules;
        var options = new RedoubtOptions { StateSync = false, ExtraXml = "<version>24.5</version>" };
        _lab = new LabCluster(new LabOptions { Nodes = [options, options], IPv6 = false });
        _webs = new LabProcess[2];
        try
        {
            _lab.StartAll();
            for (var i = 0; i < 2; i++)
                _webs[i] = StartWeb(_lab.Redoubt(i + 1));
            var user = new UserRequest
            {
                Action = "add",
                Name = Account,
                Password = Password,
                Grant = ["system-xmlrpc-ha-sync"],
            };
            Done(_lab.Redoubt(2).Ask(new ControlRequest { Verb = ControlVerb.User, User = user }));
            Apply(WithSync(File.ReadAllBytes(Primary.ConfigFile), PinOf(_lab.Redoubt(2))));
            AwaitSync(Deadline.In(30));
            _small = File.ReadAllBytes(Primary.ConfigFile);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private RedoubtNode Primary => _lab.Redoubt(1);

    /// <summary>What is measured.</summary>
    public string Title =>
        Text(
            $"{_rules} rules, {Math.Max(1, _rules / 10)} aliases of 100 addresses ({LargeConfiguration.Of(_small, _rules, "").Length >> 10} KiB)"
        );

    /// <summary>The most that each process had in memory until now.</summary>
    public string Memory =>
        Text(
            $"largest memory: redoubtd {Peak(Primary.Daemon!)} and {Peak(_lab.Redoubt(2).Daemon!)} MiB, redoubt-web {Peak(_webs[0])} and {Peak(_webs[1])} MiB"
        );

    /// <summary>One round. Throws <see cref="LabException"/>.</summary>
    public PushSample Run()
    {
        var (applied, whole) = Measure(LargeConfiguration.Of(_small, _rules, ""));
        Thread.Sleep(_settle);
        var (oneApplied, oneWhole) = Measure(LargeConfiguration.Of(_small, _rules, " changed"));
        Thread.Sleep(_settle);
        var watch = Stopwatch.StartNew();
        Done(Primary.Ask(new ControlRequest { Verb = ControlVerb.ConfigPush }));
        var nothing = watch.Elapsed.TotalMilliseconds;
        // Last: the kernel is busy for a while with taking down what this one leaves.
        var bare = BareNft();
        Apply(_small);
        AwaitSync(Deadline.In(60));
        Thread.Sleep(_settle);
        return new PushSample(applied, whole - applied, oneApplied, oneWhole, nothing, bare);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (var web in _webs)
            web?.Dispose();
        _lab.Dispose();
    }

    private (double Applied, double InSync) Measure(byte[] document)
    {
        var watch = Stopwatch.StartNew();
        Apply(document);
        var applied = watch.Elapsed.TotalMilliseconds;
        AwaitSync(Deadline.In(120));
        return (applied, watch.Elapsed.TotalMilliseconds);
    }

    private void Apply(byte[] document)
    {
        var request = new ControlRequest
        {
            Verb = ControlVerb.ConfigApply,
            Apply = new ConfigApplyRequest { User = "bench", Reason = "bench" },
        };
        Done(Primary.AskWithDocument(request, document).Reply);
    }

    // Asked each 5 ms: the digest of what is in force here against what was read back there.
    private void AwaitSync(Deadline deadline)
    {
        while (Primary.Status().ConfigSync.Peers is not [{ InSync: true }])
        {
            if (deadline.HasPassed)
                throw new LabException($"the second node does not follow: {string.Join("; ", Primary.Status().Reasons)}");
            Thread.Sleep(5);
        }
    }

    private double BareNft()
    {
        var ruleset = _lab.Redoubt(2).Place.Execute("nft", "list", "table", "inet", "redoubt");
        using var empty = new Place("bare");
        var file = Path.Combine(_lab.Directory, "bare.nft");
        File.WriteAllText(file, ruleset);
        var watch = Stopwatch.StartNew();
        empty.Execute("nft", "-f", file);
        return watch.Elapsed.TotalMilliseconds;
    }

    private static byte[] WithSync(byte[] document, string pin)
    {
        var root = XDocument.Parse(Encoding.UTF8.GetString(document)).Root!;
        var sync = root.Element("hasync")!;
        sync.Add(
            new XElement("synchronizetoip", Topology.SyncAddress(2)),
            new XElement("username", Account),
            new XElement("password", Password)
        );
        foreach (var area in (ReadOnlySpan<string>)["rules", "nat", "aliases", "virtualip", "staticroutes"])
            sync.Add(new XElement($"synchronize{area}", "on"));
        root.Element("redoubt")!.Add(new XElement("configsync", new XElement("pin", pin)));
        return Encoding.UTF8.GetBytes($"<?xml version=\"1.0\"?>\n{root}\n");
    }

    private static string PinOf(RedoubtNode node)
    {
        using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(Path.Combine(node.Directory, "web", "web.pem")));
        return Convert.ToHexStringLower(SHA256.HashData(certificate.RawData));
    }

    private static LabProcess StartWeb(RedoubtNode node)
    {
        var state = Path.Combine(node.Directory, "web");
        Directory.CreateDirectory(state);
        var path = Path.Combine(Path.GetDirectoryName(RedoubtNode.DaemonPath)!, "redoubt-web");
        string[] arguments = ["--control", node.Control, "--state", state, "--listen", $"{Topology.SyncAddress(node.Number)}:443"];
        var web = LabProcess.Start(node.Place, $"{node.Name} web", Path.Combine(node.Directory, "web.log"), [path, .. arguments]);
        web.WaitForLine("Serving on", Deadline.In(20));
        return web;
    }

    private static void Done(ControlReply reply)
    {
        if (reply.Ok != true)
            throw new LabException($"{reply.Message} {string.Join("; ", reply.Problems?.Take(5).Select(p => p.Message) ?? [])}");
    }

    private static long Peak(LabProcess process)
    {
        var line = File.ReadLines($"/proc/{process.Id}/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) >> 10;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
