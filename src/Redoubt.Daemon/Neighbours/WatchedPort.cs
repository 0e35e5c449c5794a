using Redoubt.Core;

namespace Redoubt.Daemon.Neighbours;

/// <summary>A device on which claims of addresses are heard.</summary>
/// <param name="Name">Its logical name.</param>
/// <param name="Index">The kernel's index of it.</param>
/// <param name="Members">The addresses that are meant, each with the vhid it is reported for; true: IPv6.</param>
internal sealed record WatchedPort(string Name, int Index, IReadOnlyDictionary<(IpAddressValue, bool), int> Members);
