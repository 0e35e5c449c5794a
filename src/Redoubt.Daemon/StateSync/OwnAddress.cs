using Redoubt.Core.Configuration;

namespace Redoubt.Daemon.StateSync;

/// <summary>An address of this node that is no virtual one.</summary>
/// <param name="Device">Where it is.</param>
/// <param name="Prefix">The address with the length of its network.</param>
internal sealed record OwnAddress(string Device, AddressPrefix Prefix);
