using Redoubt.Linux;

namespace Redoubt.Daemon.Processes;

/// <summary>
/// Whether a program may be run with the daemon's rights: who can change it, or the directory that it is in, could do so himself. A link is followed: what counts is the file that
/// is executed.
/// </summary>
internal static class ProgramTrust
{
    /// <summary>What there is to say about a program.</summary>
    public enum Verdict
    {
        /// <summary>It may be run.</summary>
        Trusted,

        /// <summary>There is none.</summary>
        Missing,

        /// <summary>It must not be run.</summary>
        Refused,
    }

    /// <summary>Looks at a program and at its directory; <paramref name="why"/> is a sentence where it is refused.</summary>
    public static Verdict Look(string path, out string why)
    {
        why = "";
        if (FileOwner.TryRead(path) is not { } file)
        {
            why = $"there is no file {path}";
            return Verdict.Missing;
        }
        if (!file.IsFile)
            why = $"{path} is no file";
        else if (!file.IsExecutable)
            why = $"{path} is not executable";
        else if (file.Distrust() is { } distrust)
            why = $"{path} {distrust}: it is not run";
        else
            why = LookAtDirectories(path) ?? "";
        return why.Length > 0 ? Verdict.Refused : Verdict.Trusted;
    }

    // Where the name is, and where the file is that a link leads to.
    private static string? LookAtDirectories(string path)
    {
        var real = new FileInfo(path) is { LinkTarget: not null } link ? link.ResolveLinkTarget(returnFinalTarget: true)?.FullName : null;
        foreach (var place in new[] { path, real ?? path }.Distinct())
        {
            var directory = Path.GetDirectoryName(Path.GetFullPath(place));
            if (directory is not null && FileOwner.TryRead(directory)?.Distrust() is { } distrust)
                return $"{directory} {distrust}: {Path.GetFileName(path)} is not run";
        }
        return null;
    }
}
