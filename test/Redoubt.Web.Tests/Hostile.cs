using System.IO.Compression;
using System.Text;

namespace Redoubt.Web.Tests;

/// <summary>Bodies that are meant to cost the reader more than the sender.</summary>
internal static class Hostile
{
    /// <summary>Much of the same, packed to next to nothing.</summary>
    public static byte[] Bomb(string head, string filling, int megabytes)
    {
        using var bomb = new MemoryStream();
        using (var packing = new GZipStream(bomb, CompressionLevel.Fastest, leaveOpen: true))
        {
            packing.Write(Encoding.UTF8.GetBytes(head));
            var block = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(filling, (1 << 20) / filling.Length)));
            for (var i = 0; i < megabytes; i++)
                packing.Write(block);
        }
        return bomb.ToArray();
    }
}
