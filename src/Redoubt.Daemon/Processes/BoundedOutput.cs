using System.Text;

namespace Redoubt.Daemon.Processes;

/// <summary>What a process prints, as much of it as anybody will read. Safe from every thread.</summary>
/// <param name="limit">Bytes that are kept.</param>
/// <param name="keepsEnd">The last bytes are kept instead of the first.</param>
internal sealed class BoundedOutput(int limit, bool keepsEnd)
{
    private readonly Lock _gate = new();
    private readonly byte[] _bytes = new byte[limit];
    private int _length;
    private bool _isCut;

    /// <summary>Takes what was printed.</summary>
    public void Add(ReadOnlySpan<byte> text)
    {
        lock (_gate)
        {
            if (text.Length > limit - _length)
                _isCut = true;
            if (keepsEnd && text.Length > limit - _length)
            {
                var kept = text[Math.Max(0, text.Length - limit)..];
                var stays = Math.Min(_length, limit - kept.Length);
                _bytes.AsSpan(_length - stays, stays).CopyTo(_bytes);
                kept.CopyTo(_bytes.AsSpan(stays));
                _length = stays + kept.Length;
                return;
            }
            text = text[..Math.Min(text.Length, limit - _length)];
            text.CopyTo(_bytes.AsSpan(_length));
            _length += text.Length;
        }
    }

    /// <summary>One line: control characters are spaces, and a mark says where something is missing.</summary>
    public string Text
    {
        get
        {
            string text;
            bool isCut;
            lock (_gate)
                (text, isCut) = (Encoding.UTF8.GetString(_bytes, 0, _length), _isCut);
            var line = new StringBuilder(text.Length + 4);
            foreach (var c in text.Trim())
                line.Append(char.IsControl(c) ? ' ' : c);
            if (isCut)
                _ = keepsEnd ? line.Insert(0, "... ") : line.Append(" ...");
            return line.ToString();
        }
    }
}
