using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Redoubt.Core.Configuration.Document;

/// <summary>The differences between two configurations, item by item, without secrets.</summary>
/// <param name="Changes">At most as many as were asked for.</param>
/// <param name="Total">How many there are.</param>
public sealed record ConfigDiff(ImmutableArray<ConfigChange> Changes, int Total)
{
    /// <summary>How many differences are told one by one unless the caller says otherwise.</summary>
    public const int UsualLimit = 1_000;

    /// <summary>How much of a text is shown.</summary>
    public const int ShownText = 120;

    // What tells one item of a list from its neighbours, the first that an item has.
    private static readonly string[] _keys =
    [
        "tracker",
        "uniqid",
        "refid",
        "vpnid",
        "ikeid",
        "uid",
        "gid",
        "name",
        "network",
        "zone",
        "number",
        "mac",
        "vlanif",
        "subnet",
    ];

    /// <summary>Nothing differs.</summary>
    public bool IsEmpty => Total == 0;

    /// <summary>Compares two documents.</summary>
    public static ConfigDiff Between(ConfigDocument a, ConfigDocument b, int limit = UsualLimit) => Between(a.Root, b.Root, limit);

    /// <summary>Compares what is inside two elements; null counts as empty.</summary>
    public static ConfigDiff Between(ConfigNode? a, ConfigNode? b, int limit = UsualLimit)
    {
        var walk = new Walk(limit);
        walk.Inside("", a, b);
        return new ConfigDiff(walk.Changes, walk.Total);
    }

    /// <summary>An element's text as it may be shown: a secret is masked, an element with others inside is described by what names it.</summary>
    public static string Shown(ConfigNode node)
    {
        if (node.Children.IsEmpty)
            return node.Text.Length > 0 && ConfigTags.IsSecret(node.Name) ? ConfigTags.Masked : Short(node.Text);
        var name = _keys.Select(node.Value).FirstOrDefault(v => v.Length > 0) ?? "";
        var description = node.Value("descr");
        return Short(string.Join(' ', new[] { name, description }.Where(t => t.Length > 0)));
    }

    private static string Short(string text)
    {
        var shown = new StringBuilder(Math.Min(text.Length, ShownText) + 3);
        foreach (var c in text)
        {
            if (shown.Length >= ShownText)
                return shown.Append("...").ToString();
            shown.Append(char.IsControl(c) || char.GetUnicodeCategory(c) == UnicodeCategory.Format ? '?' : c);
        }
        return shown.ToString();
    }

    private sealed class Walk(int limit)
    {
        private readonly ImmutableArray<ConfigChange>.Builder _changes = ImmutableArray.CreateBuilder<ConfigChange>();

        public int Total { get; private set; }

        public ImmutableArray<ConfigChange> Changes => _changes.ToImmutable();

        public void Inside(string path, ConfigNode? a, ConfigNode? b)
        {
            var before = Groups(a);
            var after = Groups(b);
            foreach (var (name, items) in before)
            {
                var others = after.GetValueOrDefault(name, []);
                Lists(
                    path.Length == 0 ? name : $"{path}/{name}",
                    items,
                    others,
                    items.Count > 1 || others.Count > 1 || ConfigTags.IsList(name)
                );
            }
            foreach (var (name, items) in after)
            {
                if (!before.ContainsKey(name))
                    Lists(path.Length == 0 ? name : $"{path}/{name}", [], items, items.Count > 1 || ConfigTags.IsList(name));
            }
        }

        private void Lists(string path, List<ConfigNode> a, List<ConfigNode> b, bool isList)
        {
            // Equal heads and tails are most of every list.
            var head = 0;
            while (head < a.Count && head < b.Count && ConfigDigest.AreEqual(a[head], b[head]))
                head++;
            var tail = 0;
            while (tail < a.Count - head && tail < b.Count - head && ConfigDigest.AreEqual(a[^(tail + 1)], b[^(tail + 1)]))
                tail++;
            var partners = Partners(a, b, head, tail);
            var inOrder = InOrder(partners, head, b.Count - tail);
            var isTaken = new bool[a.Count];
            foreach (var partner in partners)
            {
                if (partner >= 0)
                    isTaken[partner] = true;
            }
            for (var i = head; i < a.Count - tail; i++)
            {
                if (!isTaken[i])
                    Tell(At(path, i, isList), ConfigChangeKind.Removed, a[i], null);
            }
            for (var i = head; i < b.Count - tail; i++)
            {
                var at = At(path, i, isList);
                if (partners[i] < 0)
                {
                    Tell(at, ConfigChangeKind.Added, null, b[i]);
                    continue;
                }
                if (!inOrder.Contains(i))
                    Tell(at, ConfigChangeKind.Moved, a[partners[i]], b[i]);
                Pair(at, a[partners[i]], b[i]);
            }
        }

        private void Pair(string path, ConfigNode a, ConfigNode b)
        {
            if (ConfigDigest.AreEqual(a, b))
                return;
            if (a.Children.IsEmpty && b.Children.IsEmpty)
                Tell(path, ConfigChangeKind.Changed, a, b);
            else
            {
                if (a.Text.Length > 0 || b.Text.Length > 0)
                    Tell(path, ConfigChangeKind.Changed, a, b);
                Inside(path, a, b);
            }
        }

        // For each item of b the item of a that it was, or -1: the same content first, then the same key, then what is alone.
        private static int[] Partners(List<ConfigNode> a, List<ConfigNode> b, int head, int tail)
        {
            var partners = new int[b.Count];
            Array.Fill(partners, -1);
            var isTaken = new bool[a.Count];
            var (left, right) = (a.Count - tail - head, b.Count - tail - head);
            if (left == 0 || right == 0)
                return partners;
            // Of one item on either side it is known that they differ.
            if (left > 1 || right > 1)
                Match<int>(n => (ConfigDigest.HashOf(n), true), ConfigDigest.AreEqual);
            Match(n => Key(n) is { } key ? (key, true) : ("", false), (_, _) => true);
            // One item on either side with nothing that names it: the same one, changed.
            if (left == 1 && right == 1 && !isTaken[head] && (Key(a[head]) is null || Key(b[head]) is null))
                partners[head] = head;
            return partners;

            void Match<T>(Func<ConfigNode, (T Value, bool IsKnown)> identity, Func<ConfigNode, ConfigNode, bool> isSame)
                where T : notnull
            {
                var waiting = new Dictionary<T, Queue<int>>();
                for (var i = head; i < a.Count - tail; i++)
                {
                    if (isTaken[i] || identity(a[i]) is not (var known, true))
                        continue;
                    if (!waiting.TryGetValue(known, out var queue))
                        waiting[known] = queue = new Queue<int>();
                    queue.Enqueue(i);
                }
                for (var i = head; i < b.Count - tail && waiting.Count > 0; i++)
                {
                    if (partners[i] >= 0 || identity(b[i]) is not (var wanted, true) || !waiting.TryGetValue(wanted, out var queue))
                        continue;
                    if (!isSame(a[queue.Peek()], b[i]))
                        continue;
                    partners[i] = queue.Dequeue();
                    isTaken[partners[i]] = true;
                    if (queue.Count == 0)
                        waiting.Remove(wanted);
                }
            }
        }

        // The longest run of partners that kept their order: the others are those that moved.
        private static HashSet<int> InOrder(int[] partners, int from, int to)
        {
            var tails = new List<int>();
            var previous = new int[partners.Length];
            for (var i = from; i < to; i++)
            {
                if (partners[i] < 0)
                    continue;
                int low = 0,
                    high = tails.Count;
                while (low < high)
                {
                    var middle = (low + high) / 2;
                    if (partners[tails[middle]] < partners[i])
                        low = middle + 1;
                    else
                        high = middle;
                }
                previous[i] = low > 0 ? tails[low - 1] : -1;
                if (low == tails.Count)
                    tails.Add(i);
                else
                    tails[low] = i;
            }
            var kept = new HashSet<int>();
            for (var i = tails.Count > 0 ? tails[^1] : -1; i >= 0; i = previous[i])
                kept.Add(i);
            return kept;
        }

        private static string? Key(ConfigNode node)
        {
            foreach (var key in _keys)
            {
                if (node.Value(key) is { Length: > 0 } value)
                    return $"{key} {value}";
            }
            return null;
        }

        private static string At(string path, int index, bool isList) =>
            isList ? string.Create(CultureInfo.InvariantCulture, $"{path}[{index + 1}]") : path;

        private static Dictionary<string, List<ConfigNode>> Groups(ConfigNode? node)
        {
            var groups = new Dictionary<string, List<ConfigNode>>();
            if (node is null)
                return groups;
            foreach (var child in ConfigDigest.Meaning(node))
            {
                if (!groups.TryGetValue(child.Name, out var list))
                    groups[child.Name] = list = [];
                list.Add(child);
            }
            return groups;
        }

        private void Tell(string path, ConfigChangeKind kind, ConfigNode? a, ConfigNode? b)
        {
            if (++Total <= limit)
                _changes.Add(new ConfigChange(path, kind, a is null ? "" : Shown(a), b is null ? "" : Shown(b)));
        }
    }
}
