namespace Redoubt.Web.Requests;

/// <summary>Lets a bounded number of calls in; a bounded number waits, for a bounded time.</summary>
internal sealed class CallGate(WebLimits limits) : IDisposable
{
    private readonly SemaphoreSlim _calls = new(limits.Calls, limits.Calls);
    private int _waiting;

    /// <summary>True when the call may go on; it must then <see cref="Leave"/>.</summary>
    public async Task<bool> EnterAsync(CancellationToken cancel)
    {
        if (_calls.Wait(0, CancellationToken.None))
            return true;
        if (Interlocked.Increment(ref _waiting) > limits.WaitingCalls)
        {
            Interlocked.Decrement(ref _waiting);
            return false;
        }
        try
        {
            return await _calls.WaitAsync(limits.Wait, cancel).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    public void Leave() => _calls.Release();

    public void Dispose() => _calls.Dispose();
}
