namespace Redoubt.Linux.Interop;

/// <summary>The kernel refused something that must not be refused: a broken host, not a hostile input.</summary>
public sealed class KernelException(string request, Errno errno, string? detail = null)
    : Exception($"{request}: {errno}{(detail is null ? "" : $", {detail}")}")
{
    /// <summary>What the kernel answered.</summary>
    public Errno Errno { get; } = errno;
}
