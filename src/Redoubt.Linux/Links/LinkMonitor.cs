using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Netlink;

namespace Redoubt.Linux.Links;

/// <summary>What a piece of news is about.</summary>
public enum LinkNewsKind
{
    /// <summary>A link appeared or changed.</summary>
    Link,

    /// <summary>A link is gone.</summary>
    LinkGone,

    /// <summary>An address appeared or changed.</summary>
    Address,

    /// <summary>An address is gone.</summary>
    AddressGone,

    /// <summary>News was lost: ask for everything.</summary>
    Overrun,
}

/// <summary>One piece of news.</summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Link">The link, for the first two kinds.</param>
/// <param name="Address">The address, for the next two.</param>
public readonly record struct LinkNews(LinkNewsKind Kind, LinkInfo Link, AddressInfo Address);

/// <summary>Listens to changes of links and addresses (rtnetlink groups). Owned by one thread.</summary>
public sealed class LinkMonitor : IDisposable
{
    private const int ReceiveBuffer = 4 << 20;
    private readonly NetlinkSocket _socket = new(NetlinkSocket.Route);
    private readonly byte[] _buffer = new byte[32 * 1024];
    private int _length;
    private int _offset;

    /// <summary>Joins the groups; news from now on is kept by the kernel until read.</summary>
    public LinkMonitor()
    {
        _socket.SetReceiveBuffer(ReceiveBuffer);
        _socket.Join(1); // RTNLGRP_LINK
        _socket.Join(5); // RTNLGRP_IPV4_IFADDR
        _socket.Join(9); // RTNLGRP_IPV6_IFADDR
    }

    /// <summary>The descriptor, for <see cref="Poller"/>.</summary>
    public SafeFileHandle Handle => _socket.Handle;

    /// <summary>Takes the next piece of news; false when there is none.</summary>
    public bool TryRead(out LinkNews news)
    {
        while (true)
        {
            var messages = new NetlinkMessages(_buffer.AsSpan(_offset, _length - _offset));
            while (messages.MoveNext())
            {
                var message = messages.Current;
                _offset += (message.Body.Length + 16 + 3) & ~3;
                if (TryUnderstand(message, out news))
                {
                    _offset = Math.Min(_offset, _length);
                    return true;
                }
            }
            _offset = _length = 0;
            news = default;
            var errno = _socket.Receive(_buffer, out _length, wait: false);
            if (errno == Errno.NoBufferSpace)
            {
                news = new LinkNews(LinkNewsKind.Overrun, default, default);
                return true;
            }
            if (!errno.IsSuccess)
                return false;
        }
    }

    /// <inheritdoc />
    public void Dispose() => _socket.Dispose();

    private static bool TryUnderstand(in NetlinkMessage message, out LinkNews news)
    {
        news = default;
        switch (message.Type)
        {
            case RouteMessage.NewLink or RouteMessage.DeleteLink when RouteMessage.TryReadLink(message, out var link):
                // A bridge tells of its ports in the family AF_BRIDGE; the device itself is not gone then.
                if (MemoryMarshal.Read<byte>(message.Body) != 0)
                    return false;
                news = new LinkNews(message.Type == RouteMessage.NewLink ? LinkNewsKind.Link : LinkNewsKind.LinkGone, link, default);
                return true;
            case RouteMessage.NewAddress or RouteMessage.DeleteAddress when RouteMessage.TryReadAddress(message, out var address):
                var kind = message.Type == RouteMessage.NewAddress ? LinkNewsKind.Address : LinkNewsKind.AddressGone;
                news = new LinkNews(kind, default, address);
                return true;
            default:
                return false;
        }
    }
}
