namespace Redoubt.Core.Pfsync;

/// <summary>What the messages of a section are, whichever number the flavour gives them.</summary>
public enum PfKind
{
    /// <summary>A number the receiver does not know, or one whose meaning is gone; v6 skips it by its size.</summary>
    Unknown,

    /// <summary>Remove every state of a creator, of one interface or of all.</summary>
    Clear,

    /// <summary>A new state, whole.</summary>
    Insert,

    /// <summary>The state was inserted: its held packet may go.</summary>
    InsertAck,

    /// <summary>A state as it is now, whole.</summary>
    Update,

    /// <summary>Only the peers and the timeout class of a state.</summary>
    UpdateCompressed,

    /// <summary>Send this state, or with both ids 0 all of them.</summary>
    UpdateRequest,

    /// <summary>The state, whole, is gone. FreeBSD 14 and later refuse it.</summary>
    Delete,

    /// <summary>The state of this id is gone.</summary>
    DeleteCompressed,

    /// <summary>A bulk transfer begins or ends.</summary>
    Bulk,

    /// <summary>Replay counters of IPsec.</summary>
    Tdb,

    /// <summary>The end of a v5 packet.</summary>
    End,
}

/// <summary>One action: its number, name, what it means and the bytes of its message.</summary>
/// <param name="Number">The byte in the subheader.</param>
/// <param name="Name">As the BSDs call it.</param>
/// <param name="Kind">Meaning.</param>
/// <param name="Size">Bytes of a message; 0 where there is none or it is not known.</param>
/// <param name="Layout">The format of the states in it; null in others.</param>
public sealed record PfAction(byte Number, string Name, PfKind Kind, int Size, PfStateLayout? Layout = null)
{
    /// <summary>A clear message: ifname 16, creator 4.</summary>
    public const int ClearLength = 20;

    /// <summary>An id 8 and a creator 4: acknowledgement, request, compressed delete.</summary>
    public const int ReferenceLength = 12;

    private static readonly PfAction[] FreeBsd =
    [
        new(0, "CLR", PfKind.Clear, ClearLength),
        new(1, "INS_1301", PfKind.Insert, PfState1301.Length, PfState1301.Layout),
        new(2, "INS_ACK", PfKind.InsertAck, ReferenceLength),
        new(3, "UPD_1301", PfKind.Update, PfState1301.Length, PfState1301.Layout),
        new(4, "UPD_C", PfKind.UpdateCompressed, PfUpdate.Length),
        new(5, "UPD_REQ", PfKind.UpdateRequest, ReferenceLength),
        new(6, "DEL", PfKind.Delete, PfState1301.Length, PfState1301.Layout),
        new(7, "DEL_C", PfKind.DeleteCompressed, ReferenceLength),
        new(8, "INS_F", PfKind.Unknown, 0),
        new(9, "DEL_F", PfKind.Unknown, 0),
        new(10, "BUS", PfKind.Bulk, PfBulk.Length),
        new(11, "TDB", PfKind.Tdb, PfTdb.LengthFreeBsd),
        new(12, "EOF", PfKind.End, 0),
        new(13, "INS_1400", PfKind.Insert, PfState1400.Length, PfState1400.Layout),
        new(14, "UPD_1400", PfKind.Update, PfState1400.Length, PfState1400.Layout),
        new(15, "INS_1500", PfKind.Insert, PfState1500.Length, PfState1500.Layout),
        new(16, "UPD_1500", PfKind.Update, PfState1500.Length, PfState1500.Layout),
    ];

    private static readonly PfAction[] OpenBsd =
    [
        new(0, "CLR", PfKind.Clear, ClearLength),
        new(1, "OINS", PfKind.Unknown, 0),
        new(2, "INS_ACK", PfKind.InsertAck, ReferenceLength),
        new(3, "OUPD", PfKind.Unknown, 0),
        new(4, "UPD_C", PfKind.UpdateCompressed, PfUpdate.Length),
        new(5, "UPD_REQ", PfKind.UpdateRequest, ReferenceLength),
        new(6, "DEL", PfKind.Delete, PfStateOpenBsd.Length, PfStateOpenBsd.Layout),
        new(7, "DEL_C", PfKind.DeleteCompressed, ReferenceLength),
        new(8, "INS_F", PfKind.Unknown, 0),
        new(9, "DEL_F", PfKind.Unknown, 0),
        new(10, "BUS", PfKind.Bulk, PfBulk.Length),
        new(11, "OTDB", PfKind.Unknown, 0),
        new(12, "EOF", PfKind.End, 0),
        new(13, "INS", PfKind.Insert, PfStateOpenBsd.Length, PfStateOpenBsd.Layout),
        new(14, "UPD", PfKind.Update, PfStateOpenBsd.Length, PfStateOpenBsd.Layout),
        new(15, "TDB", PfKind.Tdb, PfTdb.LengthOpenBsd),
    ];

    private static readonly PfAction[] Unknown =
    [
        .. Enumerable.Range(0, 256).Select(number => new PfAction((byte)number, "UNKNOWN", PfKind.Unknown, 0)),
    ];

    /// <summary>The action of this number.</summary>
    public static PfAction Of(PfFlavour flavour, byte number)
    {
        var known = flavour == PfFlavour.FreeBsd ? FreeBsd : OpenBsd;
        return number < known.Length ? known[number] : Unknown[number];
    }

    /// <summary>The action of this kind; for states that of the given layout.</summary>
    public static PfAction? Of(PfFlavour flavour, PfKind kind, PfStateLayout? layout = null)
    {
        foreach (var action in flavour == PfFlavour.FreeBsd ? FreeBsd : OpenBsd)
            if (action.Kind == kind && ReferenceEquals(action.Layout, layout))
                return action;
        return null;
    }
}
