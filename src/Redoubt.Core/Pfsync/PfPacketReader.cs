using System.Buffers.Binary;

namespace Redoubt.Core.Pfsync;

/// <summary>Walks a pfsync packet section by section and message by message, as the BSDs do and with every refusal named. Allocates nothing.</summary>
/// <remarks><code>
/// header:    0        1  2..3    4..19
///            version  0  length  checksum of the ruleset
/// subheader: 0       1                       2..3
///            action  v5 0, v6 size / 4       count
/// </code></remarks>
public ref struct PfPacketReader
{
    /// <summary>IP protocol of pfsync.</summary>
    public const byte Protocol = 240;

    /// <summary>Bytes of the header.</summary>
    public const int HeaderLength = 20;

    /// <summary>Bytes of a subheader.</summary>
    public const int SubheaderLength = 4;

    private readonly ReadOnlySpan<byte> _payload;
    private readonly PfFlavour _flavour;
    private int _next;
    private int _message;
    private int _left;
    private bool _ended;

    /// <summary>Begins with the header; where that is refused there is no section.</summary>
    /// <param name="payload">The bytes after the IP header.</param>
    /// <param name="flavour">The version that is spoken here.</param>
    /// <param name="ttl">TTL or hop limit; -1 where it is not known.</param>
    public PfPacketReader(ReadOnlySpan<byte> payload, PfFlavour flavour, int ttl)
    {
        _flavour = flavour;
        Action = PfAction.Of(flavour, 255);
        if (payload.Length >= HeaderLength)
            Header = payload[..HeaderLength];
        Rejection = CheckHeader(payload, flavour, ttl);
        _ended = Rejection != PfRejection.None;
        if (_ended)
            return;
        // What the header does not count is not pfsync's.
        _payload = payload[..BinaryPrimitives.ReadUInt16BigEndian(payload[2..])];
        _next = HeaderLength;
    }

    /// <summary>The 20 bytes of the header, also of one that is refused; empty where they are not there.</summary>
    public ReadOnlySpan<byte> Header { get; }

    /// <summary>The first refusal, of the packet or of a part of it.</summary>
    public PfRejection Rejection { get; private set; }

    /// <summary>Messages that were given out and not refused.</summary>
    public int Accepted { get; private set; }

    /// <summary>Where the subheader stands.</summary>
    public int Offset { get; private set; }

    /// <summary>The action of the section.</summary>
    public PfAction Action { get; private set; }

    /// <summary>Count as the subheader says it.</summary>
    public int Count { get; private set; }

    /// <summary>Stride of the messages.</summary>
    public int MessageSize { get; private set; }

    /// <summary>The message the walk stands on.</summary>
    public ReadOnlySpan<byte> Message { get; private set; }

    /// <summary>Whether that message is refused.</summary>
    public PfRejection MessageRejection { get; private set; }

    private static PfRejection CheckHeader(ReadOnlySpan<byte> payload, PfFlavour flavour, int ttl)
    {
        if (ttl is not (255 or -1))
            return PfRejection.BadTtl;
        if (payload.Length < HeaderLength)
            return PfRejection.HeaderTruncated;
        if (payload[0] != flavour.Version())
            return PfRejection.BadVersion;
        var length = BinaryPrimitives.ReadUInt16BigEndian(payload[2..]);
        return length < HeaderLength || length > payload.Length ? PfRejection.HeaderLength : PfRejection.None;
    }

    /// <summary>Steps to the next section that can be read.</summary>
    public bool MoveSection()
    {
        while (!_ended)
        {
            var rest = _payload[_next..];
            if (rest.IsEmpty)
                return false;
            if (rest.Length < SubheaderLength)
                return End(PfRejection.SubheaderTruncated);
            Offset = _next;
            Action = PfAction.Of(_flavour, rest[0]);
            Count = BinaryPrimitives.ReadUInt16BigEndian(rest[2..]);
            MessageSize = _flavour == PfFlavour.FreeBsd ? Action.Size : rest[1] * 4;
            if (Action.Kind == PfKind.End && _flavour == PfFlavour.FreeBsd)
            {
                if (rest.Length > SubheaderLength)
                    Refuse(PfRejection.DataAfterEof);
                _left = 0;
                _ended = true;
                return true;
            }
            if (_flavour == PfFlavour.FreeBsd && Action.Kind == PfKind.Unknown)
                return End(Action.Number is 8 or 9 ? PfRejection.UnimplementedAction : PfRejection.UnknownAction);
            var tooSmall = MessageSize < Action.Size;
            if (_flavour == PfFlavour.OpenBsd && (Action.Kind is PfKind.Unknown || tooSmall) && (Count == 0 || MessageSize == 0))
                return End(tooSmall ? PfRejection.MessageTooSmall : PfRejection.UnknownAction);
            if ((long)Count * MessageSize > rest.Length - SubheaderLength)
                return End(PfRejection.MessageTruncated);
            _message = _next + SubheaderLength;
            _next = _message + (Count * MessageSize);
            _left = Action.Kind == PfKind.End ? 0 : Count;
            if (!tooSmall)
                return true;
            Refuse(PfRejection.MessageTooSmall);
        }
        return false;
    }

    /// <summary>Steps to the next message of the section.</summary>
    public bool MoveMessage()
    {
        if (_left == 0)
            return false;
        _left--;
        Message = _payload.Slice(_message, MessageSize);
        _message += MessageSize;
        MessageRejection = Check();
        if (MessageRejection != PfRejection.None)
            Refuse(MessageRejection);
        else if (Action.Kind != PfKind.Unknown)
            Accepted++;
        return true;
    }

    private readonly PfRejection Check()
    {
        switch (Action.Kind)
        {
            case PfKind.Insert or PfKind.Update or PfKind.Delete:
                Action.Layout!.Read(Message, out var state);
                return Action.Layout.Check(state);
            case PfKind.UpdateCompressed:
                return PfUpdate.Read(Message, _flavour).Check(_flavour);
            case PfKind.Clear:
                return Message[..PfName.Length].Contains((byte)0) ? PfRejection.None : PfRejection.BadIfname;
            default:
                return PfRejection.None;
        }
    }

    private bool End(PfRejection rejection)
    {
        Refuse(rejection);
        _left = 0;
        _ended = true;
        return false;
    }

    private void Refuse(PfRejection rejection)
    {
        if (Rejection == PfRejection.None)
            Rejection = rejection;
    }
}
