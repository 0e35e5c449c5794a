namespace Redoubt.Core.StateSync;

/// <summary>First in, first out, of slot numbers. Bounded by its user: a slot stands in it once.</summary>
internal sealed class SlotQueue
{
    private int[] _items = new int[256];
    private int _head;

    public int Count { get; private set; }

    public void Push(int item)
    {
        if (Count == _items.Length)
        {
            var larger = new int[_items.Length * 2];
            for (var i = 0; i < Count; i++)
                larger[i] = _items[(_head + i) % _items.Length];
            (_items, _head) = (larger, 0);
        }
        _items[(_head + Count++) % _items.Length] = item;
    }

    public int Peek() => _items[_head];

    public int Pop()
    {
        var item = _items[_head];
        _head = (_head + 1) % _items.Length;
        Count--;
        return item;
    }
}
