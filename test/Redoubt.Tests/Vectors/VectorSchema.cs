using System.Net;
using System.Text.Json;
using Redoubt.Core;

namespace Redoubt.Tests.Vectors;

/// <summary>How the vectors of one schema are executed. Every subclass in this assembly is found by its name.</summary>
public abstract class VectorSchema
{
    public abstract string Name { get; }

    /// <summary>The vectors in a file.</summary>
    public virtual IEnumerable<JsonElement> Elements(JsonElement root) => root.GetProperty("vectors").EnumerateArray();

    /// <summary>Executes one of them; throws where it does not hold.</summary>
    public abstract void Run(JsonElement vector);

    public static IReadOnlyDictionary<string, VectorSchema> All { get; } =
        typeof(VectorSchema)
            .Assembly.GetTypes()
            .Where(t => t.IsSubclassOf(typeof(VectorSchema)) && !t.IsAbstract)
            .Select(t => (VectorSchema)Activator.CreateInstance(t)!)
            .ToDictionary(s => s.Name);

    protected static byte[] Hex(JsonElement element, string name) => Convert.FromHexString(element.GetProperty(name).GetString()!);

    protected static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    protected static byte Byte(JsonElement element, string name) => element.GetProperty(name).GetByte();

    protected static int Int(JsonElement element, string name, int otherwise) =>
        element.TryGetProperty(name, out var value) ? value.GetInt32() : otherwise;

    protected static IpAddressValue Address(string text) => IpAddressValue.From(IPAddress.Parse(text));

    protected static IReadOnlyList<IpAddressValue> Addresses(JsonElement element, string name) =>
        [.. element.GetProperty(name).EnumerateArray().Select(a => Address(a.GetString()!))];

    protected static MacAddress Mac(string text) =>
        MacAddress.TryParse(text, out var mac) ? mac : throw new FormatException($"not a MAC: {text}");

    protected static void Same(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual) =>
        Assert.Equal(Convert.ToHexStringLower(expected), Convert.ToHexStringLower(actual));
}
