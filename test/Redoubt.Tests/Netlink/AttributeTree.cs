using Redoubt.Linux.Netlink;

namespace Redoubt.Tests.Netlink;

/// <summary>A random nest of attributes that can write itself and recognise itself.</summary>
internal sealed record AttributeTree(ushort Type, byte[]? Value, List<AttributeTree> Children)
{
    public static AttributeTree Any(Random random, int depth, int maxDepth)
    {
        var type = (ushort)random.Next(1, 0x4000);
        if (depth < maxDepth && (depth == 0 || random.Next(3) > 0))
        {
            var value = new byte[random.Next(40)];
            random.NextBytes(value);
            return new AttributeTree(type, value, []);
        }
        return new AttributeTree(type, null, [.. Enumerable.Range(0, random.Next(6)).Select(_ => Any(random, depth - 1, maxDepth))]);
    }

    public void Write(ref NetlinkWriter writer)
    {
        if (Value is not null)
        {
            writer.Put(Type, Value);
            return;
        }
        var nest = writer.BeginNest(Type);
        foreach (var child in Children)
            child.Write(ref writer);
        writer.EndNest(nest);
    }

    public void AssertChildren(NetlinkAttributes attributes)
    {
        foreach (var child in Children)
        {
            Assert.True(attributes.MoveNext());
            Assert.Equal(child.Type, attributes.Current.Type);
            if (child.Value is null)
                child.AssertChildren(attributes.Current.Nested);
            else
                Assert.Equal(child.Value, attributes.Current.Value.ToArray());
        }
        Assert.False(attributes.MoveNext());
        Assert.False(attributes.IsMalformed);
    }
}
