using Redoubt.Core.Configuration;
using Redoubt.Core.Pfsync;

namespace Redoubt.Core.PlainPfsync;

/// <summary>What is sent to a peer: a version of pfsync, the layout of whole states in it, and its actions by their meaning.</summary>
public sealed class PfFormat
{
    private PfFormat(PfStateLayout layout)
    {
        Layout = layout;
        Flavour = layout.Flavour;
        Insert = PfAction.Of(Flavour, PfKind.Insert, layout)!;
        Update = PfAction.Of(Flavour, PfKind.Update, layout)!;
        UpdateCompressed = PfAction.Of(Flavour, PfKind.UpdateCompressed)!;
        UpdateRequest = PfAction.Of(Flavour, PfKind.UpdateRequest)!;
        DeleteCompressed = PfAction.Of(Flavour, PfKind.DeleteCompressed)!;
        InsertAck = PfAction.Of(Flavour, PfKind.InsertAck)!;
        Bulk = PfAction.Of(Flavour, PfKind.Bulk)!;
    }

    /// <summary>FreeBSD 13 and older.</summary>
    public static PfFormat FreeBsd1301 { get; } = new(PfState1301.Layout);

    /// <summary>FreeBSD 14.</summary>
    public static PfFormat FreeBsd1400 { get; } = new(PfState1400.Layout);

    /// <summary>FreeBSD 15.</summary>
    public static PfFormat FreeBsd1500 { get; } = new(PfState1500.Layout);

    /// <summary>OpenBSD.</summary>
    public static PfFormat OpenBsd { get; } = new(PfStateOpenBsd.Layout);

    /// <summary>Layout of whole states.</summary>
    public PfStateLayout Layout { get; }

    /// <summary>Version, of what is sent and of what is understood.</summary>
    public PfFlavour Flavour { get; }

    /// <summary>Whether ICMP states bear the id in both ports; newer ones have the type at the responder (pfsync.c of FreeBSD 13 against 15).</summary>
    public bool HasIdInBothPorts => ReferenceEquals(Layout, PfState1301.Layout);

    internal PfAction Insert { get; }

    internal PfAction Update { get; }

    internal PfAction UpdateCompressed { get; }

    internal PfAction UpdateRequest { get; }

    internal PfAction DeleteCompressed { get; }

    internal PfAction InsertAck { get; }

    internal PfAction Bulk { get; }

    /// <summary>The format of a layout.</summary>
    internal static PfFormat Of(PfStateLayout layout) =>
        ReferenceEquals(layout, FreeBsd1301.Layout) ? FreeBsd1301
        : ReferenceEquals(layout, FreeBsd1500.Layout) ? FreeBsd1500
        : ReferenceEquals(layout, OpenBsd.Layout) ? OpenBsd
        : FreeBsd1400;

    /// <summary>The format of a setting; 1400 where that is none of pfsync's.</summary>
    public static PfFormat Of(StateSyncFormat format) =>
        format switch
        {
            StateSyncFormat.FreeBsd1301 => FreeBsd1301,
            StateSyncFormat.FreeBsd1500 => FreeBsd1500,
            StateSyncFormat.OpenBsd6 => OpenBsd,
            _ => FreeBsd1400,
        };
}
