using System.Collections.Immutable;
using System.Globalization;

namespace Redoubt.Core.XmlRpc;

/// <summary>PHP has one kind of array; on the wire it is a list or a struct by its keys. These are the two directions of that.</summary>
public static class XmlRpcShapes
{
    /// <summary>
    /// What PHP sends for an array with these keys: a list where they are 0..n-1 or 1..n, an empty list where there are none, else a struct.
    /// </summary>
    public static XmlRpcValue FromKeys(ImmutableArray<XmlRpcMember> members)
    {
        if (members.IsEmpty)
            return XmlRpcArray.Empty;
        if (!TryIndex(members[0].Name, out var first) || first > 1)
            return new XmlRpcStruct(members);
        for (var i = 1; i < members.Length; i++)
        {
            if (!TryIndex(members[i].Name, out var index) || index != first + i)
                return new XmlRpcStruct(members);
        }
        return new XmlRpcArray([.. members.Select(m => m.Value)]);
    }

    /// <summary>
    /// Reads a value as a list: a list; a struct whose names are all integers (a list from which items were taken), in its order; nothing at all, which
    /// PHP writes as an empty text. False for anything else.
    /// </summary>
    public static bool TryReadList(XmlRpcValue value, out ImmutableArray<XmlRpcValue> items)
    {
        items = [];
        switch (value)
        {
            case XmlRpcArray array:
                items = array.Values;
                return true;
            case XmlRpcString { Value: "" } or XmlRpcNil:
                return true;
            case XmlRpcStruct { Members: var members } when members.All(m => TryIndex(m.Name, out _)):
                items = [.. members.Select(m => m.Value)];
                return true;
            default:
                return false;
        }
    }

    // PHP takes "7" for an integer key, but neither "07" nor "+7".
    private static bool TryIndex(string name, out int index) =>
        int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out index) && (name.Length == 1 || name[0] != '0');
}
