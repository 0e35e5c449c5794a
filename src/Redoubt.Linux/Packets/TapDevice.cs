using System.Text;
using Microsoft.Win32.SafeHandles;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;

namespace Redoubt.Linux.Packets;

/// <summary>
/// A TAP device: what the kernel sends out of it is read here. It ends with its descriptor, so nothing of it outlives the process. The host itself never uses it: no addresses, no IPv6.
/// </summary>
public sealed unsafe class TapDevice : IDisposable
{
    /// <summary>Bytes of the longest frame it gives: a packet of 65535 and its Ethernet header.</summary>
    public const int MaxFrame = 65535 + 14;

    private const string Path = "/dev/net/tun";
    private const int NameLength = 16; // IFNAMSIZ

    /// <summary>Makes the device, in the network namespace of the calling thread, and switches it on.</summary>
    /// <exception cref="KernelException">The kernel has no TAP devices, or refuses this one.</exception>
    public TapDevice(string name, RouteNetlink route)
    {
        Name = name;
        var descriptor = LibC.Open(Path, LibC.O_RDWR | LibC.O_CLOEXEC | LibC.O_NONBLOCK);
        if (descriptor < 0)
            throw new KernelException($"open {Path}", Errno.Last);
        Handle = new SafeFileHandle(descriptor, ownsHandle: true);
        try
        {
            Attach(name);
            // No larger segments, no checksums left open: a frame is read as it would be on the wire.
            if (LibC.IoControl(Handle, LibC.TUNSETOFFLOAD, 0) != 0)
                throw new KernelException($"offloads of {name}", Errno.Last);
            LinkSysctl.Write(LinkSysctl.Path("ipv6", name, "disable_ipv6"), 1);
            InterfaceIndex = route.Link(name)?.Index ?? throw new KernelException($"create {name}", Errno.NoDevice);
            var errno = route.SetUp(InterfaceIndex, up: true);
            if (!errno.IsSuccess)
                throw new KernelException($"switch {name} on", errno);
        }
        catch
        {
            Handle.Dispose();
            throw;
        }
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Its index.</summary>
    public int InterfaceIndex { get; }

    /// <summary>The descriptor, for <see cref="Poller"/>.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Takes the next frame; false when none waits. A longer frame is cut to the buffer.</summary>
    public bool TryRead(Span<byte> buffer, out int length)
    {
        fixed (byte* data = buffer)
        {
            while (true)
            {
                var read = LibC.Read(Handle, data, (nuint)buffer.Length);
                if (read < 0 && Errno.Last == Errno.Interrupted)
                    continue;
                length = (int)Math.Max(read, 0);
                return read > 0;
            }
        }
    }

    /// <inheritdoc />
    public void Dispose() => Handle.Dispose();

    private void Attach(string name)
    {
        // ifreq = name 16 bytes | flags u16 | padding to 40 bytes
        Span<byte> request = stackalloc byte[40];
        request.Clear();
        Encoding.ASCII.GetBytes(name.AsSpan(0, Math.Min(name.Length, NameLength - 1)), request);
        BitConverter.TryWriteBytes(request[NameLength..], (ushort)(LibC.IFF_TAP | LibC.IFF_NO_PI));
        fixed (byte* pointer = request)
        {
            if (LibC.IoControl(Handle, LibC.TUNSETIFF, pointer) != 0)
                throw new KernelException($"create {name}", Errno.Last);
        }
    }
}
