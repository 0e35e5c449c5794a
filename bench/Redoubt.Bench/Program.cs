using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;

namespace Redoubt.Bench;

/// <summary>What one message costs: nanoseconds and bytes allocated. Arguments are BenchmarkDotNet's (--filter, --list, ...).</summary>
internal static class Program
{
    // Three of these, and three to warm up, of messages that take 10 ns to 1.5 µs.
    private static readonly TimeInterval _iteration = TimeInterval.FromMilliseconds(200);

    private static int Main(string[] arguments)
    {
        // In this process: a process for each benchmark would compile the project again for each.
        var job = Job.ShortRun.WithIterationTime(_iteration).WithToolchain(InProcessEmitToolchain.Instance);
        var config = ManualConfig
            .CreateEmpty()
            .AddJob(job)
            .AddLogger(ConsoleLogger.Default)
            .AddExporter(MarkdownExporter.GitHub)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddDiagnoser(MemoryDiagnoser.Default)
            .HideColumns(Column.Job, Column.Toolchain, Column.IterationCount, Column.LaunchCount, Column.WarmupCount)
            .HideColumns(Column.Gen0, Column.Gen1, Column.Gen2)
            .WithSummaryStyle(SummaryStyle.Default.WithTimeUnit(TimeUnit.Nanosecond))
            .WithOptions(ConfigOptions.DisableLogFile);
        var summaries = BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(arguments, config);
        return summaries.Any(s => s.HasCriticalValidationErrors || s.Reports.Any(r => !r.Success)) ? 1 : 0;
    }
}
