namespace Redoubt.Core.StateSync;

/// <summary>Where the frames are that <see cref="StateSyncEngine.Hold"/> was told of.</summary>
public interface IHeldFrames
{
    /// <summary>Lets the frame of this ticket go. Called once for every ticket that was held, from within <see cref="StateSyncEngine.Tick"/>.</summary>
    void Release(int ticket);
}
