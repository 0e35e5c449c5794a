using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;
using Redoubt.Lab.Scenarios;
using Redoubt.Lab.Traffic;

namespace Redoubt.Lab.Commands;

/// <summary>The command redoubt-lab. Exit 0 done, 1 failed or a scenario did not hold, 2 usage.</summary>
internal static class LabCommand
{
    private const string Usage = """
        usage: redoubt-lab VERB

          up [--nodes 1|2|3] [--no-statesync] [--dir DIR]   bring up firewalls, a client and a server, and leave them running
          status [--dir DIR]                                places, ports and control sockets of the lab that runs
          exec [--dir DIR] PLACE COMMAND...                 run a command in client, server, observer, switch, fw1..
          fault [--dir DIR] FAULT TARGET                    break something:
        """;

    private const string UsageEnd = """
          heal [--dir DIR] [NODE|PORT]                      end faults, start what has ended
          down [--dir DIR]                                  end everything
          list                                              scenarios, one a line
          run SCENARIO [--json]                             play a scenario
          bench outage [--kinds K,K]                        what a client sees when the master goes and comes back
              K: redoubt redoubt-fast ucarp keepalived keepalived-10ms
              [--faults crash,linkdown,kill9,sigstop,planned,failback] [--repeat N] [--json FILE]
          bench states [--kinds redoubt,conntrackd]         what it costs to replicate states, and how fast it goes
              [--parts cost,latency,bulk,rate] [--repeat N]
          bench vhids [--segments N] [--vhids N] [--profile P] [--repeat N]   the master of many vhids crashes
          bench calm [--kinds K,K] [--seconds N] [--busy yes]   what a pair costs while nothing happens, and that nothing does while the machine is busy
          bench push [--rules N] [--repeat N]               a large configuration, a small change and none reach the other node

        A port is HOST.SEGMENT: fw1.lan, fw2.sync, client.lan. It needs no root.
        """;

    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web) { WriteIndented = true };
    private static readonly TimeSpan _upLimit = TimeSpan.FromSeconds(90);

    public static int Run(string[] arguments)
    {
        try
        {
            var words = arguments.ToList();
            // What follows exec's place is somebody else's command line.
            var ours = words is ["exec", ..] ? words.TakeWhile((_, i) => i < 2 || words[1] == "--dir" && i < 4).ToList() : words;
            var rest = words.Skip(ours.Count).ToList();
            var directory = Option(ours, "--dir");
            switch (ours)
            {
                case ["up", ..] or ["hold", ..]:
                    return Up(ours, new LabDirectory(directory));
                case ["status"]:
                    return Describe(new LabDirectory(directory));
                case ["exec", var place] when rest.Count > 0:
                    throw Execute(new LabDirectory(directory), place, rest);
                case ["fault" or "heal", ..]:
                    return Holder.Ask(new LabDirectory(directory), Console.Out, ours);
                case ["down"]:
                    return Down(new LabDirectory(directory));
                case ["list"]:
                    foreach (var scenario in ScenarioList.All)
                        Console.WriteLine($"{scenario.Name, -18} {scenario.Summary}");
                    return 0;
                case ["run", ..] when ours.Count(w => w != "--json") == 2:
                    return Play(ScenarioList.Find(ours.Last(w => w != "--json")), ours.Contains("--json"), arguments);
                case ["serve-flows", var tcp, var udp, var path]:
                    return FlowServer.Run(Port(tcp), Port(udp), path);
                case ["bench", "outage", ..]:
                    return Bench(ours, arguments);
                case ["bench", "states", ..]:
                    return BenchStates(ours, arguments);
                case ["bench", "vhids", ..]:
                    return BenchVhids(ours, arguments);
                case ["bench", "calm", ..]:
                    return BenchCalm(ours, arguments);
                case ["bench", "push", ..]:
                    return BenchPush(ours, arguments);
                default:
                    Console.Error.WriteLine($"{Usage}\n{FaultCommand.Usage}\n{UsageEnd}");
                    return 2;
            }
        }
        catch (Exception e) when (e is LabException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"redoubt-lab: {e.Message}");
            return 1;
        }
    }

    private static int Port(string text) =>
        ushort.TryParse(text, CultureInfo.InvariantCulture, out var port) && port > 0 ? port : throw new LabException($"{text} is no port");

    private static int Up(List<string> words, LabDirectory directory)
    {
        var count =
            Option(words, "--nodes") is not { } text ? 2
            : int.TryParse(text, CultureInfo.InvariantCulture, out var n) ? n
            : 0;
        var quiet = words.Remove("--no-statesync");
        if (count is < 1 or > 3 || words.Count != 1)
            throw new LabException("up [--nodes 1|2|3] [--no-statesync] [--dir DIR]");
        string[] arguments =
        [
            "hold",
            "--dir",
            directory.Root,
            "--nodes",
            $"{count}",
            .. quiet ? ["--no-statesync"] : Array.Empty<string>(),
        ];
        if (words[0] == "up")
            return Background(directory, arguments);
        LabSpace.Enter(arguments);
        var node = new RedoubtOptions { StateSync = !quiet };
        return Holder.Run(directory, new LabOptions { Directory = directory.Root, Nodes = [.. Enumerable.Repeat(node, count)] });
    }

    private static int Background(LabDirectory directory, string[] arguments)
    {
        directory.Prepare();
        string[] command = [Tool.Find("setsid"), .. LabSpace.OwnCommand, .. arguments];
        var start = new ProcessStartInfo(Tool.Find("sh"), ["-c", "exec \"$@\" >\"$LAB_LOG\" 2>&1 </dev/null", "sh", .. command]);
        start.Environment["LAB_LOG"] = directory.Log;
        using var holder = Process.Start(start)!;
        var deadline = new Deadline(_upLimit);
        while (directory.Running is null)
        {
            if (!holder.HasExited && !deadline.HasPassed)
            {
                Thread.Sleep(20);
                continue;
            }
            if (!holder.HasExited)
                holder.Kill();
            holder.WaitForExit();
            var why = File.ReadAllText(directory.Log).Trim();
            directory.Remove();
            throw new LabException(why.Length > 0 ? why : "the lab did not come up in time");
        }
        return Describe(directory);
    }

    private static int Describe(LabDirectory directory)
    {
        if (directory.Running is not { } lab)
            throw new LabException($"no lab runs in {directory.Root}; redoubt-lab up starts one");
        Console.WriteLine($"lab:     {directory.Root} (process {lab.Process})");
        Console.WriteLine($"places:  {string.Join(' ', lab.Places.Keys)}");
        Console.WriteLine($"ports:   {string.Join(' ', lab.Ports)}");
        foreach (var (name, socket) in lab.Controls)
            Console.WriteLine($"{name}:     redoubt --control {socket} status");
        return 0;
    }

    // Becomes the command inside; returns what went wrong.
    private static LabException Execute(LabDirectory directory, string place, List<string> command)
    {
        if (directory.Running is not { } lab)
            return new LabException($"no lab runs in {directory.Root}; redoubt-lab up starts one");
        if (!lab.Places.TryGetValue(place, out var path))
            return new LabException($"there is no place {place}; there are {string.Join(' ', lab.Places.Keys)}");
        // One cannot enter the user namespace one is in.
        var inside = new FileInfo("/proc/self/ns/user").LinkTarget == new FileInfo($"/proc/{lab.Process}/ns/user").LinkTarget;
        string[] enter = inside ? [] : ["--target", $"{lab.Process}", "--user", "--mount", "--preserve-credentials"];
        return SystemCalls.Execute(Tool.Find("nsenter"), [.. enter, $"--net={path}", Tool.Find(command[0]), .. command.Skip(1)]);
    }

    private static int Down(LabDirectory directory)
    {
        if (directory.Running is not { } lab)
            throw new LabException($"no lab runs in {directory.Root}");
        var deadline = Deadline.In(20);
        try
        {
            Holder.Ask(directory, TextWriter.Null, "down");
            deadline.Await("the lab ends", () => LabDirectory.StartTimeOf(lab.Process) != lab.StartTime);
        }
        catch (LabException) when (LabDirectory.StartTimeOf(lab.Process) == lab.StartTime)
        {
            _ = SystemCalls.Kill(lab.Process, SystemCalls.SIGKILL); // its programs die with it
        }
        directory.Remove();
        Console.WriteLine("the lab is down");
        return 0;
    }

    private static int Play(Scenario scenario, bool json, string[] arguments)
    {
        LabSpace.Enter(arguments);
        var result = scenario.Play(json ? Console.Error : Console.Out);
        if (json)
            Console.WriteLine(JsonSerializer.Serialize(result, _json));
        else
            Console.WriteLine(result.Passed ? $"{scenario.Name}: passed" : $"{scenario.Name}: FAILED: {result.Error}");
        return result.Passed ? 0 : 1;
    }

    private static int Bench(List<string> words, string[] arguments)
    {
        var (kinds, faults) = (Option(words, "--kinds"), Option(words, "--faults"));
        var (repeat, json) = (Option(words, "--repeat"), Option(words, "--json"));
        if (words.Count != 2)
            throw new LabException($"not understood: {string.Join(' ', words.Skip(2))}");
        LabSpace.Enter(arguments);
        return BenchCommand.Outage(kinds, faults, repeat, json);
    }

    private static int BenchStates(List<string> words, string[] arguments)
    {
        var (kinds, parts, repeat) = (Option(words, "--kinds"), Option(words, "--parts"), Option(words, "--repeat"));
        if (words.Count != 2)
            throw new LabException($"not understood: {string.Join(' ', words.Skip(2))}");
        LabSpace.Enter(arguments);
        return BenchCommand.States(kinds, parts, repeat);
    }

    private static int BenchVhids(List<string> words, string[] arguments)
    {
        var (segments, vhids) = (Option(words, "--segments"), Option(words, "--vhids"));
        var (profile, repeat) = (Option(words, "--profile"), Option(words, "--repeat"));
        if (words.Count != 2)
            throw new LabException($"not understood: {string.Join(' ', words.Skip(2))}");
        LabSpace.Enter(arguments);
        return BenchCommand.Vhids(segments, vhids, profile, repeat);
    }

    private static int BenchCalm(List<string> words, string[] arguments)
    {
        var (kinds, seconds, busy) = (Option(words, "--kinds"), Option(words, "--seconds"), Option(words, "--busy"));
        if (words.Count != 2)
            throw new LabException($"not understood: {string.Join(' ', words.Skip(2))}");
        LabSpace.Enter(arguments);
        return BenchCommand.Calm(kinds, seconds, busy);
    }

    private static int BenchPush(List<string> words, string[] arguments)
    {
        var (rules, repeat) = (Option(words, "--rules"), Option(words, "--repeat"));
        if (words.Count != 2)
            throw new LabException($"not understood: {string.Join(' ', words.Skip(2))}");
        LabSpace.EnterAsRoot(arguments);
        return BenchCommand.Push(rules, repeat);
    }

    // Takes an option with its value out of the words.
    private static string? Option(List<string> words, string name)
    {
        var at = words.IndexOf(name);
        if (at < 0)
            return null;
        if (at + 1 == words.Count)
            throw new LabException($"{name} needs a value");
        var value = words[at + 1];
        words.RemoveRange(at, 2);
        return value;
    }
}
