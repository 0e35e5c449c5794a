using System.CommandLine;
using System.Text.Json;
using Redoubt.Control;

namespace Redoubt.Cli;

/// <summary><c>doctor</c>.</summary>
internal static class DoctorCommand
{
    public static Command Create(CallFactory calls)
    {
        var command = new Command("doctor", "Looks for what would break a failover; exit 1 where something does not work");
        calls.Run(
            command,
            async (call, _, cancel) =>
            {
                var worst = Verdict.Ok;
                var code = await call.AskAsync(
                        new ControlRequest { Verb = ControlVerb.Doctor },
                        cancel,
                        reply =>
                        {
                            if (reply.Examination is not { } examination)
                                throw new ControlException($"{call.Socket}: the answer holds no examination");
                            worst = examination.Findings.Select(f => f.Verdict).DefaultIfEmpty().Max();
                            if (call.Json)
                                call.Output.WriteLine(JsonSerializer.Serialize(examination, ControlJson.Indented.Examination));
                            else
                                Show(examination, call.Output);
                        }
                    )
                    .ConfigureAwait(false);
                return code == CommandLine.Done && worst == Verdict.Error ? CommandLine.Failed : code;
            }
        );
        return command;
    }

    internal static void Show(Examination examination, TextWriter output)
    {
        foreach (var finding in examination.Findings.OrderByDescending(f => f.Verdict))
        {
            var mark = finding.Verdict switch
            {
                Verdict.Error => "ERROR",
                Verdict.Warning => "warn ",
                _ => "ok   ",
            };
            output.WriteLine(Plain.Text($"{mark} {finding.Check}: {finding.Text}"));
        }
        foreach (var free in examination.Free)
            output.WriteLine(Plain.Text($"free ids on {free.Interface}: {string.Join(", ", free.Ids)}"));
    }
}
