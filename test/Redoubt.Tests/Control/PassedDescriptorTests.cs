using System.Net.Sockets;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Redoubt.Control;

namespace Redoubt.Tests.Control;

public sealed class PassedDescriptorTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"redoubt-{Guid.NewGuid():N}.sock");
    private readonly Socket _near = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Socket _far;

    public PassedDescriptorTests()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_path));
        listener.Listen();
        _near.Connect(new UnixDomainSocketEndPoint(_path));
        _far = listener.Accept();
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _near.Dispose();
        _far.Dispose();
        File.Delete(_path);
    }

    private async Task<(byte[] Bytes, SafeFileHandle? Descriptor)> ReceiveAsync(int length)
    {
        var buffer = new byte[length];
        SafeFileHandle? descriptor = null;
        for (var filled = 0; filled < length; )
        {
            var (bytes, handle) = await PassedDescriptors.ReceiveAsync(_far, buffer.AsMemory(filled), Token);
            Assert.NotEqual(0, bytes);
            filled += bytes;
            descriptor ??= handle;
        }
        return (buffer, descriptor);
    }

    [Fact]
    public async Task A_document_arrives_beside_the_bytes()
    {
        var content = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("<pfsense/>", 100_000)));
        using (var document = PassedDocument.Create(content))
            await PassedDescriptors.SendAsync(_near, "line\n"u8.ToArray(), document, Token);
        var (bytes, descriptor) = await ReceiveAsync(5);
        Assert.Equal("line\n"u8, bytes);
        using (descriptor)
            Assert.Equal(content, PassedDocument.Read(descriptor!));
    }

    [Fact]
    public async Task Bytes_alone_bring_none()
    {
        var large = new byte[1 << 20];
        new Random(1).NextBytes(large);
        var sending = PassedDescriptors.SendAsync(_near, large, null, Token);
        var (bytes, descriptor) = await ReceiveAsync(large.Length);
        await sending;
        Assert.Equal(large, bytes);
        Assert.Null(descriptor);
    }

    [Fact]
    public async Task A_long_line_with_a_document_arrives_whole_while_nobody_reads_yet()
    {
        var large = new byte[1 << 20];
        new Random(2).NextBytes(large);
        using var document = PassedDocument.Create("x"u8);
        var sending = PassedDescriptors.SendAsync(_near, large, document, Token);
        var (bytes, descriptor) = await ReceiveAsync(large.Length);
        await sending;
        Assert.Equal(large, bytes);
        using (descriptor)
            Assert.Equal("x"u8.ToArray(), PassedDocument.Read(descriptor!));
    }

    [Fact]
    public async Task The_end_is_zero_bytes()
    {
        _near.Shutdown(SocketShutdown.Send);
        Assert.Equal((0, (SafeFileHandle?)null), await PassedDescriptors.ReceiveAsync(_far, new byte[8], Token));
    }

    [Fact]
    public async Task Waiting_can_be_cancelled()
    {
        using var cancel = new CancellationTokenSource();
        var waiting = PassedDescriptors.ReceiveAsync(_far, new byte[8], cancel.Token).AsTask();
        Assert.False(waiting.IsCompleted);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public void A_document_cannot_be_changed_after_it_was_made()
    {
        using var document = PassedDocument.Create("abc"u8);
        Assert.ThrowsAny<Exception>(() => RandomAccess.Write(document, "x"u8, 0));
        Assert.ThrowsAny<Exception>(() => RandomAccess.SetLength(document, 1));
        Assert.Equal("abc"u8.ToArray(), PassedDocument.Read(document));
    }

    [Fact]
    public void What_is_no_file_or_too_large_is_not_read()
    {
        var path = Path.GetTempFileName();
        try
        {
            using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
                RandomAccess.SetLength(file, PassedDocument.MaxLength + 1L);
            using (var sparse = File.OpenHandle(path))
                Assert.Null(PassedDocument.Read(sparse));
        }
        finally
        {
            File.Delete(path);
        }
        using var device = File.OpenHandle("/dev/zero");
        Assert.True(PassedDocument.Read(device) is null or []);
        Assert.Throws<IOException>(() => PassedDocument.Create(new byte[PassedDocument.MaxLength + 1]));
    }
}
