namespace Redoubt.Lab.Traffic;

/// <summary>One transfer as both of its ends see it: they live in one process, and the network between them is what is tested.</summary>
internal sealed class Flow(TransferRequest request)
{
    private long _finalLength = -1;
    private volatile bool _enough;

    public TransferRequest Request { get; } = request;

    public Arrivals Arrivals { get; } = new();

    /// <summary>The sender shall end after what it has sent.</summary>
    public bool IsEnough
    {
        get => _enough;
        set => _enough = value;
    }

    /// <summary>What the sender has sent in all; -1 while it goes on.</summary>
    public long FinalLength
    {
        get => Interlocked.Read(ref _finalLength);
        set => Interlocked.Exchange(ref _finalLength, value);
    }
}
