using System.Globalization;
using System.Text.Json;
using Redoubt.Control;
using Redoubt.Core.Configuration;

namespace Redoubt.Daemon.Configuration;

/// <summary>
/// The documents that were in force, one file each: a line of JSON (who, when, why, what) and the document. Bounded in number and bytes; the oldest go
/// first. A file that is not whole is no entry. Owned by <see cref="ConfigStore"/>, under its lock.
/// </summary>
internal sealed class ConfigHistory
{
    /// <summary>Entries kept.</summary>
    public const int Entries = 100;

    /// <summary>Bytes of all entries together; the newest two stay whatever they hold.</summary>
    public const long Bytes = 256L << 20;

    /// <summary>Lines that say what an entry changed.</summary>
    public const int Changes = 20;

    private const string Extension = ".revision";
    private const int HeadLimit = 64 << 10;
    private readonly string _directory;
    private readonly SortedDictionary<long, ConfigRevision> _entries = [];

    public ConfigHistory(string directory)
    {
        _directory = directory;
        Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (var path in Directory.EnumerateFiles(directory))
        {
            if (path.EndsWith(AtomicFile.Draft, StringComparison.Ordinal))
                File.Delete(path);
            else if (TryNumber(path) is { } number && ReadHead(path) is { } head)
                _entries[number] = head with { Id = Id(number) };
        }
    }

    /// <summary>Newest first.</summary>
    public IReadOnlyList<ConfigRevision> All => [.. _entries.Values.Reverse()];

    /// <summary>The newest, or null.</summary>
    public ConfigRevision? Newest => _entries.Count == 0 ? null : _entries.Values.Last();

    /// <summary>The name that the next entry gets.</summary>
    public string NextId => Id(NextNumber);

    private long NextNumber => (_entries.Count == 0 ? 0 : _entries.Keys.Last()) + 1;

    public ConfigRevision? Find(string id) =>
        long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? _entries.GetValueOrDefault(number) : null;

    /// <summary>The document of an entry; null where it cannot be read or is not what was written.</summary>
    public byte[]? Document(ConfigRevision entry)
    {
        var content = AtomicFile.TryRead(PathOf(entry.Id), ConfigurationLimits.FileBytes + HeadLimit);
        var newline = content is null ? -1 : Array.IndexOf(content, (byte)'\n');
        if (newline < 0)
            return null;
        var document = content![(newline + 1)..];
        return ConfigSnapshot.DigestOf(document) == entry.Digest ? document : null;
    }

    /// <summary>Writes an entry, durable when it returns; throws where the disk refuses, and then there is none.</summary>
    public ConfigRevision Add(ConfigRevision entry, ReadOnlySpan<byte> document)
    {
        var number = NextNumber;
        entry = entry with { Id = Id(number) };
        var head = JsonSerializer.SerializeToUtf8Bytes(entry, ControlJson.Default.ConfigRevision);
        try
        {
            AtomicFile.Write(PathOf(entry.Id), [.. head, (byte)'\n', .. document]);
        }
        catch (NotDurableException)
        {
            File.Delete(PathOf(entry.Id)); // the next start must not find what was never in force
            throw;
        }
        _entries[number] = entry;
        return entry;
    }

    public void Remove(ConfigRevision entry)
    {
        AtomicFile.Delete(PathOf(entry.Id));
        _entries.Remove(long.Parse(entry.Id, CultureInfo.InvariantCulture));
    }

    /// <summary>Drops the oldest entries above the limits; what cannot be deleted now is tried again the next time.</summary>
    public void Prune(string keep)
    {
        var bytes = _entries.Values.Sum(e => e.Bytes);
        foreach (var entry in _entries.Values.SkipLast(2).Where(e => e.Id != keep).ToList())
        {
            if (_entries.Count <= Entries && bytes <= Bytes)
                return;
            try
            {
                Remove(entry);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return;
            }
            bytes -= entry.Bytes;
        }
    }

    private static string Id(long number) => number.ToString(CultureInfo.InvariantCulture);

    private string PathOf(string id) => Path.Combine(_directory, id.PadLeft(8, '0') + Extension);

    private static long? TryNumber(string path) =>
        path.EndsWith(Extension, StringComparison.Ordinal)
        && long.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && number > 0
            ? number
            : null;

    private static ConfigRevision? ReadHead(string path)
    {
        try
        {
            using var file = File.OpenHandle(path);
            var head = new byte[HeadLimit];
            var length = RandomAccess.Read(file, head, 0);
            var newline = Array.IndexOf(head, (byte)'\n', 0, length);
            return newline < 0 ? null : JsonSerializer.Deserialize(head.AsSpan(0, newline), ControlJson.Default.ConfigRevision);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }
}
