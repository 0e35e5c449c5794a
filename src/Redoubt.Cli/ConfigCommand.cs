using System.CommandLine;
using System.Text.Json;
using Redoubt.Core.Configuration;

namespace Redoubt.Cli;

/// <summary><c>config check</c>, offline; the other verbs of <c>config</c> stand beside.</summary>
internal static partial class ConfigCommand
{
    public static Command Create(CallFactory calls)
    {
        var file = new Argument<string>("FILE") { Description = "A config.xml" };
        var check = new Command("check", "Reads a configuration as the daemon does, and names every problem; asks no daemon") { file };
        calls.Run(check, (call, parse, _) => Task.FromResult(Check(call, parse.GetRequiredValue(file))));
        return new Command("config", "The configuration")
        {
            check,
            Show(calls),
            Diff(calls),
            Apply(calls),
            Confirm(calls),
            Accept(calls),
            History(calls),
            Rollback(calls),
            Push(calls),
        };
    }

    private static int Check(Call call, string path)
    {
        if (!InputFile.TryRead(path, ConfigurationLimits.FileBytes, out var bytes, out var why))
            return call.Fail(why);
        var result = ConfigurationReader.Read(bytes, path);
        List<ConfigurationProblem> problems = [.. result.Problems];
        if (!File.Exists(RouterAdvertisement.Program))
            problems.AddRange(result.Configuration?.Redoubt.RouterAdvertisements.Select(a => a.WithoutProgram(path)) ?? []);
        var errors = problems.Count(p => p.IsError);
        var warnings = problems.Count - errors;
        if (call.Json)
        {
            var report = new ConfigReport(
                path,
                result.IsValid,
                errors,
                warnings,
                [
                    .. problems.Select(p => new ConfigReportProblem(
                        p.IsError ? "error" : "warning",
                        p.Line,
                        p.Element,
                        p.Message,
                        p.Expected
                    )),
                ],
                result.KeptSections,
                [.. result.Sections.Select(s => new ConfigReportSection(s.Name, RoleText(s.Role), s.Meaning))]
            );
            call.Output.WriteLine(JsonSerializer.Serialize(report, CliJson.Default.ConfigReport));
        }
        else
        {
            foreach (var problem in problems)
                call.Output.WriteLine(Plain.Text(problem.ToString()));
            foreach (var (role, text) in _roleTexts)
            {
                var names = result.Sections.Where(s => s.Role == role).Select(s => s.Name).ToList();
                if (names.Count > 0)
                    call.Output.WriteLine(Plain.Text($"{path}: {text}: {string.Join(", ", names)}"));
            }
            call.Output.WriteLine(Plain.Text($"{path}: {(result.IsValid ? "valid" : "REFUSED")}, {errors} errors, {warnings} warnings"));
        }
        return result.IsValid ? CommandLine.Done : CommandLine.Failed;
    }

    private static readonly (SectionRole Role, string Text)[] _roleTexts =
    [
        (SectionRole.Applied, "acted on"),
        (SectionRole.Kept, "kept and synchronised, not acted on"),
        (SectionRole.Unknown, "not known, kept as it is"),
    ];

    private static string RoleText(SectionRole role) =>
        role switch
        {
            SectionRole.Applied => "applied",
            SectionRole.Kept => "kept",
            _ => "unknown",
        };
}
