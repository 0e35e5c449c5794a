namespace Redoubt.Lab.Tests.StateSync.Traffic;

/// <summary>A flow through the firewalls, seen from both its ends.</summary>
internal interface IFlow : IDisposable
{
    string Name { get; }

    /// <summary>
    /// Passes something from the far end to the near one first, which only a firewall that knows the flow can do, then the other way; false when it did not
    /// arrive in time.
    /// </summary>
    bool Exchange(Deadline deadline);
}
