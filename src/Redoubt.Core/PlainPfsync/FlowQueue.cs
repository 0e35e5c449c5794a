namespace Redoubt.Core.PlainPfsync;

/// <summary>Numbers of flows in the order they came, each at most once; any can be taken out. Grows with the numbers and never beyond them.</summary>
internal sealed class FlowQueue
{
    private int[] _next = [];
    private int[] _previous = [];
    private int _first = -1;
    private int _last = -1;

    public bool IsEmpty => _first < 0;

    /// <summary>The oldest; -1 where there is none.</summary>
    public int First => _first;

    public void Append(int number)
    {
        if (number >= _next.Length)
        {
            var length = Math.Max(1024, Math.Max(number + 1, _next.Length * 2));
            Array.Resize(ref _next, length);
            Array.Resize(ref _previous, length);
        }
        _next[number] = -1;
        _previous[number] = _last;
        if (_last < 0)
            _first = number;
        else
            _next[_last] = number;
        _last = number;
    }

    /// <summary>Takes out a number that is in it.</summary>
    public void Remove(int number)
    {
        var (next, previous) = (_next[number], _previous[number]);
        if (previous < 0)
            _first = next;
        else
            _next[previous] = next;
        if (next < 0)
            _last = previous;
        else
            _previous[next] = previous;
    }
}
