using Mcp.Archive;
using Mcp.Tests.Master;

namespace Mcp.Tests.Archive;

/// <summary>Reading ahead and writing behind: the same bytes, the same errors at the same place, bounded memory, and nobody left waiting.</summary>
public class BlockExchangeTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    [Test]
    [Arguments(0)]
    [Arguments(1)]
    [Arguments(BlockExchange.BlockBytes)]
    [Arguments((20 * BlockExchange.BlockBytes) + 17)]
    public async Task Bytes_come_through_both_as_they_were(int length)
    {
        var content = Content(length);
        using var source = new Gate(content);
        using var ahead = new ReadAhead(source);
        using var written = new MemoryStream();
        using (var behind = new WriteBehind(written))
        {
            // Sizes that fit no block.
            var buffer = new byte[70_001];
            while (ahead.Read(buffer) is var read and > 0)
                behind.Write(buffer, 0, read);
            behind.Complete();
        }
        await Assert.That(written.ToArray().AsSpan().SequenceEqual(content)).IsTrue();
        await Assert.That(ahead.Read(new byte[1])).IsEqualTo(0);
        await Assert.That(source.Disposed.Wait(Deadline)).IsTrue();
    }

    [Test]
    public async Task What_a_source_breaks_with_is_met_behind_the_last_byte_before_it()
    {
        using var source = new Gate(Content(600_000)) { Fault = new ArchiveException("is damaged") };
        using var ahead = new ReadAhead(source);
        var (buffer, got) = (new byte[4096], 0);
        await Assert.That(() =>
        {
            while (true)
                got += ahead.Read(buffer);
        }).Throws<ArchiveException>().WithMessageContaining("is damaged");
        await Assert.That(got).IsEqualTo(600_000);
        // It does not become an end by being asked again.
        await Assert.That(() => ahead.Read(buffer)).Throws<ArchiveException>();
    }

    [Test]
    public async Task A_fast_side_waits_for_the_slow_one()
    {
        using var source = new Gate(Content(64 * BlockExchange.BlockBytes));
        using var ahead = new ReadAhead(source);
        _ = ahead.Read(new byte[1]);
        await MasterBench.UntilAsync(() => Task.FromResult(source.Position == 8 * BlockExchange.BlockBytes), "one in the hand, seven on the way");
        // As long as another takes to read all of the same: nothing more comes, since the next read needs an empty block.
        using var other = new ReadAhead(new MemoryStream(Content(64 * BlockExchange.BlockBytes)));
        await other.CopyToAsync(Stream.Null);
        await Assert.That(source.Position).IsEqualTo(8 * BlockExchange.BlockBytes);
    }

    [Test]
    public async Task Whoever_wants_no_more_waits_for_nobody_and_the_source_is_closed_on_its_own_thread()
    {
        using var source = new Gate(Content(64 * BlockExchange.BlockBytes));
        var ahead = new ReadAhead(source);
        _ = ahead.Read(new byte[1]);
        ahead.Dispose();
        await Assert.That(source.Disposed.Wait(Deadline)).IsTrue();

        // One that is in the middle of a read.
        using var stuck = new Gate(Content(10)) { Closed = true };
        var waiting = new ReadAhead(stuck);
        await Assert.That(stuck.Entered.Wait(Deadline)).IsTrue();
        waiting.Dispose();
        await Assert.That(stuck.Disposed.IsSet).IsFalse();
        stuck.Open();
        await Assert.That(stuck.Disposed.Wait(Deadline)).IsTrue();
    }

    [Test]
    public async Task What_the_taker_refuses_is_thrown_where_the_bytes_come_from()
    {
        using var behind = new WriteBehind(new Refusing());
        var content = Content(BlockExchange.BlockBytes);
        await Assert.That(() =>
        {
            while (true)
                behind.Write(content);
        }).Throws<IOException>().WithMessageContaining("nobody takes it");

        // And again, however often one asks.
        await Assert.That(behind.Complete).Throws<IOException>();

        using var late = new WriteBehind(new Refusing());
        late.Write(content.AsSpan(0, 10));
        await Assert.That(late.Complete).Throws<IOException>();
    }

    [Test]
    public async Task Without_its_completion_nothing_is_written_behind_it_and_the_thread_is_gone()
    {
        using var written = new MemoryStream();
        var calls = 0;
        var behind = new WriteBehind(written, () => calls++);
        behind.Write(Content(3 * BlockExchange.BlockBytes));
        behind.Write(Content(100));
        behind.Dispose();
        // What was handed over may have been taken, the begun block was not.
        await Assert.That(written.Length % BlockExchange.BlockBytes).IsEqualTo(0);
        await Assert.That((long)calls).IsEqualTo(written.Length / BlockExchange.BlockBytes);
    }

    [Test]
    public async Task A_digest_keeps_its_value_when_it_is_disposed_on_another_thread()
    {
        var content = Content(1_000_000);
        var digest = new DigestStream(new MemoryStream(content), leaveOpen: false);
        using var ahead = new ReadAhead(digest);
        await ahead.CopyToAsync(Stream.Null);
        await Assert.That(digest.Sha256).IsEqualTo(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content)));
        await Assert.That(digest.Count).IsEqualTo(content.Length);
    }

    private static byte[] Content(int length)
    {
        var content = new byte[length];
        new Random(length).NextBytes(content);
        return content;
    }

    private sealed class Gate(byte[] content) : MemoryStream(content)
    {
        private readonly ManualResetEventSlim _open = new();

        public Exception? Fault { get; init; }

        public bool Closed { get; init; }

        public ManualResetEventSlim Entered { get; } = new();

        public ManualResetEventSlim Disposed { get; } = new();

        public void Open() => _open.Set();

        public override int Read(Span<byte> buffer)
        {
            Entered.Set();
            if (Closed)
                _open.Wait();
            var read = base.Read(buffer);
            return read == 0 && Fault is not null ? throw Fault : read;
        }

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            Disposed.Set();
        }
    }

    private sealed class Refusing : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer) => throw new IOException("nobody takes it");
    }
}
