namespace Redoubt.Core.Pfsync;

/// <summary>One end of a connection.</summary>
/// <param name="Address">Address.</param>
/// <param name="Port">Port, ICMP id or type, as the key has it.</param>
public readonly record struct PfEndpoint(IpAddressValue Address, ushort Port);

/// <summary>Who speaks to whom in a state, before and after translation; families in the sender's numbers.</summary>
/// <remarks>Wire is outside of the host and stack inside, so the untranslated key is the wire's of a state made on input and the stack's
/// of one made on output. The initiator stands at 0 in a key of input and at 1 in one of output; a key of another family than the
/// untranslated one has the two exchanged.</remarks>
public readonly record struct PfEndpoints
{
    /// <summary>PF_OUT.</summary>
    public const byte DirectionOut = 2;

    /// <summary>PF_IN.</summary>
    public const byte DirectionIn = 1;

    /// <summary>Family of the untranslated side.</summary>
    public byte Family { get; init; }

    /// <summary>Family of the translated side.</summary>
    public byte TranslatedFamily { get; init; }

    /// <summary>Who opened the connection.</summary>
    public PfEndpoint Initiator { get; init; }

    /// <summary>Whom it addressed.</summary>
    public PfEndpoint Responder { get; init; }

    /// <summary>The initiator as the responder sees it.</summary>
    public PfEndpoint TranslatedInitiator { get; init; }

    /// <summary>Who answers.</summary>
    public PfEndpoint TranslatedResponder { get; init; }

    /// <summary>The ends of a state whose values passed the check.</summary>
    public static PfEndpoints Of(in PfState state)
    {
        var outward = state.Direction == DirectionOut;
        var before = outward ? state.Stack : state.Wire;
        var after = outward ? state.Wire : state.Stack;
        var family = before.Family == 0 ? state.Family : before.Family;
        var translated = after.Family == 0 ? state.Family : after.Family;
        var (initiator, responder) = Ends(before, outward);
        var (newInitiator, newResponder) = Ends(after, outward != (family != translated));
        return new PfEndpoints
        {
            Family = family,
            TranslatedFamily = translated,
            Initiator = initiator,
            Responder = responder,
            TranslatedInitiator = newInitiator,
            TranslatedResponder = newResponder,
        };
    }

    private static (PfEndpoint Initiator, PfEndpoint Responder) Ends(in PfKey key, bool initiatorIsSecond)
    {
        var (first, second) = (new PfEndpoint(key.Address0, key.Port0), new PfEndpoint(key.Address1, key.Port1));
        return initiatorIsSecond ? (second, first) : (first, second);
    }
}
