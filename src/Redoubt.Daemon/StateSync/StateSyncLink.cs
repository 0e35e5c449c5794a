using System.Net;

namespace Redoubt.Daemon.StateSync;

/// <summary>A link over which states go.</summary>
/// <param name="Device">The interface; the socket is bound to it. Empty: not bound to a device.</param>
/// <param name="LocalAddress">This node's address on it.</param>
/// <param name="Peers">The other nodes' addresses on it, in the order in which peers are numbered; null for a node that has none.</param>
public sealed record StateSyncLink(string Device, IPAddress LocalAddress, IReadOnlyList<IPAddress?> Peers);
