using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Mcp.EndToEnd.Harness;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Benchmarks.Data;

/// <summary>
/// A long cable: two TUN devices, one in this network and one in a network of its own, and threads that carry each packet from one to the other as late and as fast as
/// the cable would. Real TCP runs over it, which a proxy of connections would answer at its own end. It stands in for tc's netem, which not every kernel has.
/// </summary>
internal sealed partial class DelayedLink : IAsyncDisposable
{
    /// <summary>Of this side.</summary>
    public const string Near = "10.211.77.1";

    /// <summary>Of the far side.</summary>
    public const string Far = "10.211.77.2";

    /// <summary>The device of this side.</summary>
    public const string Device = "mcpnear";

    private const string FarDevice = "mcpfar";
    private const int LargestPacket = 9000;
    private const nuint SetDevice = 0x400454ca; // linux/if_tun.h: TUNSETIFF
    private const short PlainPackets = 0x1001;  // IFF_TUN | IFF_NO_PI

    // What a router keeps for a busy port; beyond it packets are lost.
    private const int QueuedPackets = 4000;

    private readonly Process _network;
    private readonly List<SafeFileHandle> _devices = [];
    private readonly List<Thread> _threads = [];
    private readonly CancellationTokenSource _ending = new();

    private DelayedLink(Process network) => _network = network;

    /// <summary>What starts a program on the far side.</summary>
    public IReadOnlyList<string> Before => ["nsenter", $"--net=/proc/{_network.Id}/ns/net"];

    /// <summary>Lays one.</summary>
    /// <param name="roundTrip">There and back.</param>
    /// <param name="bytesPerSecond">In each direction.</param>
    public static async Task<DelayedLink> LayAsync(TimeSpan roundTrip, long bytesPerSecond)
    {
        var link = new DelayedLink(Shell.Start("unshare", ["--net", "sleep", "infinity"]));
        var own = $"/proc/{Environment.ProcessId}/ns/net";
        await Wait.UntilAsync("the far network is there", () => Task.FromResult(File.ResolveLinkTarget($"/proc/{link._network.Id}/ns/net", false)?.Name != File.ResolveLinkTarget(own, false)?.Name));
        var (near, far) = (link.Open(Device), link.Open(FarDevice));
        (await Shell.RunAsync("ip", ["link", "set", FarDevice, "netns", $"{link._network.Id}"])).OrThrow();
        await UpAsync([], Device, Near);
        await UpAsync(link.Before, FarDevice, Far);
        (await Shell.RunAsync(link.Before[0], [.. link.Before.Skip(1), "ip", "link", "set", "lo", "up"])).OrThrow();
        link.Carry(near, far, roundTrip / 2, bytesPerSecond);
        link.Carry(far, near, roundTrip / 2, bytesPerSecond);
        return link;
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        // Reads end with their devices, one of which goes with its network.
        await Shell.RunAsync("ip", ["link", "del", Device]);
        _network.Kill();
        await _network.WaitForExitAsync();
        _network.Dispose();
        foreach (var thread in _threads)
            thread.Join();
        foreach (var device in _devices)
            device.Dispose();
    }

    private static async Task UpAsync(IReadOnlyList<string> before, string device, string address)
    {
        foreach (IReadOnlyList<string> words in (IReadOnlyList<string>[])[["ip", "address", "add", $"{address}/24", "dev", device], ["ip", "link", "set", device, "mtu", $"{LargestPacket}", "up"]])
        {
            IReadOnlyList<string> all = [.. before, .. words];
            (await Shell.RunAsync(all[0], [.. all.Skip(1)])).OrThrow();
        }
    }

    private unsafe SafeFileHandle Open(string name)
    {
        var device = File.OpenHandle("/dev/net/tun", FileMode.Open, FileAccess.ReadWrite);
        var request = stackalloc byte[40];
        new Span<byte>(request, 40).Clear();
        System.Text.Encoding.ASCII.GetBytes(name, new Span<byte>(request, 15));
        *(short*)(request + 16) = PlainPackets;
        if (Control((int)device.DangerousGetHandle(), SetDevice, (nint)request) != 0)
            throw new InvalidOperationException($"TUNSETIFF {name}: error {Marshal.GetLastPInvokeError()}; this needs root and /dev/net/tun");
        _devices.Add(device);
        return device;
    }

    private void Carry(SafeFileHandle from, SafeFileHandle to, TimeSpan delay, long bytesPerSecond)
    {
        var waiting = new BlockingCollection<(byte[] Packet, int Length, long Due)>(QueuedPackets);
        var spare = new ConcurrentBag<byte[]>();
        foreach (var thread in (Thread[])[new(() => Take(from, waiting, spare, delay, bytesPerSecond)), new(() => Give(to, waiting, spare))])
        {
            thread.IsBackground = true;
            thread.Start();
            _threads.Add(thread);
        }
    }

    private void Take(SafeFileHandle from, BlockingCollection<(byte[], int, long)> waiting, ConcurrentBag<byte[]> spare, TimeSpan delay, long bytesPerSecond)
    {
        var (free, delayTicks) = (0L, (long)(delay.TotalSeconds * Stopwatch.Frequency));
        while (!_ending.IsCancellationRequested)
        {
            var packet = spare.TryTake(out var used) ? used : new byte[LargestPacket + 64];
            var length = (int)Read((int)from.DangerousGetHandle(), packet, (nuint)packet.Length);
            if (length <= 0)
                return;
            // The line is free again when this packet has gone over it.
            free = Math.Max(Stopwatch.GetTimestamp(), free) + (length * Stopwatch.Frequency / bytesPerSecond);
            if (!waiting.TryAdd((packet, length, free + delayTicks)))
                spare.Add(packet);
        }
    }

    private void Give(SafeFileHandle to, BlockingCollection<(byte[] Packet, int Length, long Due)> waiting, ConcurrentBag<byte[]> spare)
    {
        try
        {
            while (true)
            {
                var (packet, length, due) = waiting.Take(_ending.Token);
                while (Stopwatch.GetTimestamp() < due)
                    Thread.Sleep(1);
                Write((int)to.DangerousGetHandle(), packet, (nuint)length);
                spare.Add(packet);
            }
        }
        catch (OperationCanceledException)
        {
            // The cable was taken away.
        }
    }

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int device, nuint what, nint request);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(int device, [Out] byte[] into, nuint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int device, [In] byte[] from, nuint length);
}
