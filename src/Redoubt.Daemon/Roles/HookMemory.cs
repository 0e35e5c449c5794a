using System.Text.Json;
using System.Text.Json.Serialization;
using Redoubt.Core.Carp;
using Redoubt.Daemon.Configuration;

namespace Redoubt.Daemon.Roles;

/// <summary>What hooks were last told in full, over restarts of the daemon; after a restart of the machine nothing of it holds any more.</summary>
internal sealed class HookMemory
{
    private const string BootIdFile = "/proc/sys/kernel/random/boot_id";
    private const int SizeLimit = 1 << 20;
    private readonly string _file;
    private readonly string _boot;

    /// <summary>The memory of a state directory; <paramref name="bootId"/> stands for the machine's own in tests.</summary>
    public HookMemory(string stateDirectory, string? bootId = null)
    {
        _file = Path.Combine(stateDirectory, "hooks.json");
        _boot = bootId ?? ReadBootId();
    }

    /// <summary>What was told in this boot of the machine; a damaged file is as none: then everything is told again.</summary>
    public IReadOnlyDictionary<string, CarpState> Read()
    {
        try
        {
            var record = AtomicFile.TryRead(_file, SizeLimit) is { } bytes
                ? JsonSerializer.Deserialize(bytes, HookJson.Default.HookRecord)
                : null;
            return record is { Told: not null } && record.Boot == _boot && _boot.Length > 0
                ? record.Told
                : new Dictionary<string, CarpState>();
        }
        catch (JsonException)
        {
            return new Dictionary<string, CarpState>();
        }
    }

    /// <summary>Durable when it returns; null, or why the disk refuses.</summary>
    public string? Write(IReadOnlyDictionary<string, CarpState> told)
    {
        try
        {
            var record = new HookRecord(_boot, told);
            AtomicFile.Write(_file, JsonSerializer.SerializeToUtf8Bytes(record, HookJson.Default.HookRecord));
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    private static string ReadBootId()
    {
        try
        {
            return File.ReadAllText(BootIdFile).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}

/// <summary>The file.</summary>
/// <param name="Boot">The machine's boot id.</param>
/// <param name="Told">By subject.</param>
internal sealed record HookRecord(string Boot, IReadOnlyDictionary<string, CarpState> Told);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, UseStringEnumConverter = true)]
[JsonSerializable(typeof(HookRecord))]
internal sealed partial class HookJson : JsonSerializerContext;
