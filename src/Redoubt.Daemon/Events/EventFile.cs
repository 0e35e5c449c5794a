using System.Buffers;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Redoubt.Control;
using Redoubt.Linux.Interop;

namespace Redoubt.Daemon.Events;

/// <summary>
/// Events on disk: one JSON line each in events.jsonl; a full file becomes events.jsonl.1, replacing the one before. A thread
/// of its own writes; when the disk fails it tries again every second while a bounded queue waits.
/// </summary>
internal sealed class EventFile : IDisposable
{
    public const string Name = "events.jsonl";
    public const long DefaultSize = 4 << 20;
    public const int QueueLimit = 8192;
    private const int BatchBytes = 64 << 10;
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CloseLimit = TimeSpan.FromSeconds(3);

    private readonly string _path;
    private readonly long _size;
    private readonly object _gate = new();
    private readonly Queue<EventRecord> _queue = new(256);
    private readonly ManualResetEventSlim _stopping = new();
    private readonly Thread _thread;
    private readonly object _troubleGate = new();
    private Action<string?>? _troubleTold;
    private string? _trouble;
    private SafeFileHandle? _handle;
    private long _length; // bytes of whole lines in the file; what lies beyond is a torn line and is overwritten
    private long _lost;

    public EventFile(string directory, long size)
    {
        _path = Path.Combine(directory, Name);
        _size = size;
        _thread = new Thread(Write) { IsBackground = true, Name = "events" };
    }

    /// <summary>Events given up: the queue was full, or the disk failed until the end.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>Lines of the files that could not be read at the start.</summary>
    public int Unreadable { get; private set; }

    /// <summary>See <see cref="EventLog.DiskTrouble"/>.</summary>
    public event Action<string?>? Trouble
    {
        add
        {
            lock (_troubleGate)
            {
                _troubleTold += value;
                if (_trouble is not null)
                    value?.Invoke(_trouble);
            }
        }
        remove
        {
            lock (_troubleGate)
                _troubleTold -= value;
        }
    }

    /// <summary>The newest events of both files, oldest first.</summary>
    public List<EventRecord> ReadTail(int limit)
    {
        var newestFirst = new List<EventRecord>();
        foreach (var path in (string[])[_path, _path + ".1"])
        {
            try
            {
                ReadTail(path, limit, newestFirst);
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                // the first start, or none full yet
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                SetTrouble($"{path} cannot be read: {e.Message}");
            }
        }
        newestFirst.Reverse();
        return newestFirst;
    }

    public void Start() => _thread.Start();

    /// <summary>Hands an event to the writer; counted as lost when too many wait.</summary>
    public void Post(EventRecord record)
    {
        lock (_gate)
        {
            if (_queue.Count >= QueueLimit)
            {
                Interlocked.Increment(ref _lost);
                return;
            }
            _queue.Enqueue(record);
            Monitor.Pulse(_gate);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _stopping.Set();
            Monitor.Pulse(_gate);
        }
        _thread.Join(CloseLimit); // a disk that hangs keeps its thread; the process may end all the same
    }

    private void ReadTail(string path, int limit, List<EventRecord> newestFirst)
    {
        using var file = File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete);
        var length = RandomAccess.GetLength(file);
        var bytes = new byte[Math.Min(length, _size + BatchBytes)];
        var read = 0;
        while (read < bytes.Length)
        {
            var n = RandomAccess.Read(file, bytes.AsSpan(read), length - bytes.Length + read);
            if (n == 0)
                break;
            read += n;
        }
        var rest = bytes.AsSpan(0, read);
        var end = rest.LastIndexOf((byte)'\n'); // what follows the last newline is torn
        if (rest[(end + 1)..].Length > 0)
            Unreadable++;
        while (end >= 0 && newestFirst.Count < limit)
        {
            var begin = rest[..end].LastIndexOf((byte)'\n') + 1;
            if (begin == 0 && bytes.Length < length)
                break; // cut in front by our own limit
            try
            {
                if (JsonSerializer.Deserialize(rest[begin..end], ControlJson.Default.EventRecord) is { } record)
                    newestFirst.Add(record);
            }
            catch (JsonException)
            {
                Unreadable++;
            }
            end = begin - 1;
        }
    }

    private void Write()
    {
        var lines = new ArrayBufferWriter<byte>(BatchBytes);
        while (true)
        {
            var events = 0;
            lines.ResetWrittenCount();
            while (lines.WrittenCount < BatchBytes && Take(wait: events == 0) is { } record)
            {
                using (var json = new Utf8JsonWriter(lines))
                    JsonSerializer.Serialize(json, record, ControlJson.Default.EventRecord);
                lines.Write("\n"u8);
                events++;
            }
            if (events == 0)
                break;
            while (!TryWrite(lines.WrittenSpan))
            {
                if (!_stopping.Wait(RetryAfter))
                    continue;
                lock (_gate)
                {
                    Interlocked.Add(ref _lost, events + _queue.Count);
                    _queue.Clear();
                }
                break;
            }
        }
        _handle?.Dispose();
    }

    private EventRecord? Take(bool wait)
    {
        lock (_gate)
        {
            while (wait && _queue.Count == 0 && !_stopping.IsSet)
                Monitor.Wait(_gate);
            return _queue.TryDequeue(out var record) ? record : null;
        }
    }

    private bool TryWrite(ReadOnlySpan<byte> lines)
    {
        try
        {
            if (_handle is not null && _length > 0 && _length + lines.Length > _size)
            {
                _handle.Dispose();
                _handle = null;
                File.Move(_path, _path + ".1", overwrite: true);
            }
            _handle ??= Open();
            RandomAccess.Write(_handle, lines, _length);
            RandomAccess.FlushToDisk(_handle);
            _length += lines.Length;
            SetTrouble(null);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Opened anew at the next try, which finds the end of the last whole line again.
            _handle?.Dispose();
            _handle = null;
            SetTrouble($"events cannot be written to {_path}: {e.Message}");
            return false;
        }
    }

    private SafeFileHandle Open()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
        var handle = File.OpenHandle(_path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        _ = LibC.FChMod(handle, 0x1a0); // 0640; on a file system without modes it stays as it is
        _length = EndOfLastLine(handle);
        RandomAccess.SetLength(handle, _length);
        return handle;
    }

    private static long EndOfLastLine(SafeFileHandle handle)
    {
        Span<byte> block = stackalloc byte[4096];
        var end = RandomAccess.GetLength(handle);
        while (end > 0)
        {
            var begin = Math.Max(0, end - block.Length);
            var read = RandomAccess.Read(handle, block[..(int)(end - begin)], begin);
            if (block[..read].LastIndexOf((byte)'\n') is >= 0 and var at)
                return begin + at + 1;
            end = begin;
        }
        return 0;
    }

    private void SetTrouble(string? trouble)
    {
        lock (_troubleGate)
        {
            var known = _trouble is not null;
            _trouble = trouble;
            if (known != trouble is not null)
                _troubleTold?.Invoke(trouble);
        }
    }
}
