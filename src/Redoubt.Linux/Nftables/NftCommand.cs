namespace Redoubt.Linux.Nftables;

/// <summary>What nft said.</summary>
/// <param name="Succeeded">Exit code 0 within the time limit.</param>
/// <param name="ExitCode">nft's exit code; -1 when it could not be started or was killed for its time.</param>
/// <param name="Output">Standard output, cut at <see cref="NftCommand.MaxOutput"/> characters.</param>
/// <param name="Error">Empty on success; else nft's message with line and column, or why it did not run.</param>
public sealed record NftResult(bool Succeeded, int ExitCode, string Output, string Error);

/// <summary>A named counter.</summary>
/// <param name="Packets">Packets counted since the ruleset was loaded.</param>
/// <param name="Bytes">Their bytes.</param>
public readonly record struct NftCounter(long Packets, long Bytes);

/// <summary>Runs the nft command: the text goes in by standard input, no shell, a time limit, bounded output.</summary>
public static class NftCommand
{
    /// <summary>How long nft may take; ten thousand rules take a few seconds.</summary>
    public static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(30);

    /// <summary>Characters of each output stream that are kept.</summary>
    public const int MaxOutput = 64 * 1024;

    /// <summary>Loads a transaction: all of it or nothing.</summary>
    public static NftResult Apply(string ruleset) => throw new NotImplementedException();

    /// <summary>Lets nft and the kernel check a transaction without loading it.</summary>
    public static NftResult Check(string ruleset) => throw new NotImplementedException();

    /// <summary>Reads a named counter of table inet redoubt; null when it is not there or nft fails.</summary>
    public static NftCounter? ListCounter(string name) => throw new NotImplementedException();
}
