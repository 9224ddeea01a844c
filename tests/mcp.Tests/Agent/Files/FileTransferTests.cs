using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Mcp.Errors;
using Mcp.Tests.Master;
using Mcp.V1;

namespace Mcp.Tests.Agent.Files;

/// <summary>Push and pull on the wire, through the agent's socket and through the master: whole or not at all, and never out of the service's folder.</summary>
internal sealed partial class FileTransferTests
{
    private static readonly byte[] Before = "before"u8.ToArray();

    [Test]
    public async Task A_first_file_goes_through_the_master_binds_the_service_to_its_node_and_comes_back_the_same()
    {
        await using var agent = await RealAgent.StartAsync();
        var content = RandomNumberGenerator.GetBytes(3_000_001);

        var unknown = await Assert.That(async () => await PushAsync(agent.Fleet.Admin.Push, "notes", "conf/app.bin", content)).Throws<McpException>();
        await Assert.That(unknown!.Code).IsEqualTo(FaultCode.NotFound);
        var written = await PushAsync(agent.Fleet.Admin.Push, "notes", "conf/app.bin", content, s => (s.Node, s.NewService, s.Mode) = (RealAgent.Node, true, 0b110_000_000));
        await Assert.That((written.Path, written.Node, written.Replaced, written.Mode)).IsEqualTo(("/srv/notes/conf/app.bin", RealAgent.Node, false, 0b110_000_000u));
        await Assert.That(File.GetUnixFileMode(Path.Combine(agent.DataRoot, "notes/conf/app.bin"))).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var record = (await agent.Fleet.Admin.DataListAsync(new DataListRequest { ServiceName = "notes" })).Records.Single();
        await Assert.That((record.Node, record.Epoch, record.State)).IsEqualTo((RealAgent.Node, 1ul, "current"));
        await Assert.That((await PullAsync(agent.Fleet.Admin.Pull, "notes", "conf/app.bin")).SequenceEqual(content)).IsTrue();

        // Known now, so the node is not named; and what only its owner could read stays so.
        written = await PushAsync(agent.Fleet.Admin.Push, "notes", "/srv/notes/conf/app.bin", Before);
        await Assert.That((written.Replaced, written.Mode)).IsEqualTo((true, 0b110_000_000u));
        await Assert.That((await PullAsync(agent.Fleet.Admin.Pull, "notes", "conf/app.bin")).SequenceEqual(Before)).IsTrue();

        // Both sides remember who read and who wrote.
        using var events = agent.Fleet.Admin.Events(new EventsRequest { Service = "notes" });
        var kinds = await events.ResponseStream.ReadAllAsync().Select(e => e.Kind).Where(k => k.StartsWith("file-", StringComparison.Ordinal)).ToListAsync();
        await Assert.That(kinds).IsEquivalentTo(["file-written", "file-read", "file-written", "file-read"]);
        using var local = agent.Local.Events(new EventsRequest { Service = "notes" });
        var there = await local.ResponseStream.ReadAllAsync().ToListAsync();
        await Assert.That(there.Count(e => e.Kind == "file-read" && e.Principal == "human/alice" && e.Message.Contains("/srv/notes/conf/app.bin", StringComparison.Ordinal))).IsEqualTo(2);
    }

    [Test]
    public async Task An_empty_file_and_one_with_the_same_id_ten_times_are_written_once()
    {
        await using var agent = await RealAgent.StartAsync();
        await PushAsync(agent.Local.PushFile, "notes", "empty", [], s => s.NewService = true);
        await Assert.That(new FileInfo(Path.Combine(agent.DataRoot, "notes/empty")).Length).IsEqualTo(0);

        var operation = MasterBench.Operation();
        var content = RandomNumberGenerator.GetBytes(500_000);
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => PushAsync(agent.Local.PushFile, "notes", "same", content, s => s.NewService = true, operation)));
        await Assert.That(answers.All(a => a.Bytes == 500_000)).IsTrue();
        File.Delete(Path.Combine(agent.DataRoot, "notes/same"));
        var again = await PushAsync(agent.Local.PushFile, "notes", "same", content, s => s.NewService = true, operation);
        await Assert.That(again.AlreadyDone).IsTrue();
        await Assert.That(File.Exists(Path.Combine(agent.DataRoot, "notes/same"))).IsFalse();
        var other = await Assert.That(async () => await PushAsync(agent.Local.PushFile, "notes", "other", content, s => s.NewService = true, operation)).Throws<McpException>();
        await Assert.That(other!.Code).IsEqualTo(FaultCode.InvalidArgument);
    }

    [Test]
    public async Task What_is_no_plain_file_of_the_service_is_neither_written_nor_read()
    {
        await using var agent = await RealAgent.StartAsync();
        var folder = Path.Combine(agent.DataRoot, "notes");
        var secret = Path.Combine(agent.Outside, "secret");
        Directory.CreateDirectory(Path.Combine(folder, "dir"));
        await File.WriteAllTextAsync(secret, "untouched");
        File.CreateSymbolicLink(Path.Combine(folder, "link"), secret);
        File.CreateSymbolicLink(Path.Combine(folder, "own-link"), "dir");
        Directory.CreateSymbolicLink(Path.Combine(folder, "dirlink"), agent.Outside);
        Directory.CreateSymbolicLink(Path.Combine(agent.DataRoot, "wiki"), agent.Outside);
        await Assert.That(MakeNode(Path.Combine(folder, "fifo"), 0x1000 | 0b110_110_110, 0)).IsEqualTo(0);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder, "socket")));

        foreach (var (service, path) in new[]
        {
            ("notes", "../outside/secret"), ("notes", "/etc/passwd"), ("notes", ".mcp-owner"), ("notes", "link"), ("notes", "own-link/x"), ("notes", "dirlink/secret"), ("notes", "dirlink/new"),
            ("notes", "dir"), ("notes", "fifo"), ("notes", "socket"), ("notes", "link/x"), ("wiki", "secret"), ("mcp", "mcp.db"), ("mcp-master", "ca/root.pem"), ("mcp-proxy", "x"), ("", "x"),
        })
        {
            await Assert.That(async () => await PushAsync(agent.Local.PushFile, service, path, Before, s => s.NewService = true)).Throws<McpException>().Because($"push {service} {path}");
            await Assert.That(async () => await PullAsync(agent.Local.PullFile, service, path)).Throws<McpException>().Because($"pull {service} {path}");
        }
        await Assert.That(await File.ReadAllTextAsync(secret)).IsEqualTo("untouched");
        await Assert.That(Directory.GetFileSystemEntries(agent.Outside)).IsEquivalentTo([secret]);
        await Assert.That(Directory.GetFiles(agent.DataRoot, ".mcp-push-*", SearchOption.AllDirectories)).IsEmpty();
    }

    public static IEnumerable<(string Name, FileWrite[] Messages)> Broken()
    {
        var start = new FileWrite { Start = new FileStart { Service = "notes", Path = "file", Bytes = 5, Overwrite = true, Mode = 0b110_100_100 } };
        FileWrite Data(string text) => new() { Data = ByteString.CopyFromUtf8(text) };
        FileWrite End(string text) => new() { Trailer = new StreamTrailer { Bytes = (ulong)text.Length, Sha256 = Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(text))) } };
        FileWrite Changed(Action<FileStart> change)
        {
            var changed = start.Clone();
            change(changed.Start);
            return changed;
        }
        yield return ("nothing", []);
        yield return ("no start", [Data("after")]);
        yield return ("no end", [start, Data("after")]);
        yield return ("an empty piece", [start, Data(""), Data("after"), End("after")]);
        yield return ("crumbs", [start, Data("a"), Data("f"), Data("t"), Data("e"), Data("r"), End("after")]);
        yield return ("too much", [start, Data("afterwards"), End("afterwards")]);
        yield return ("too little", [start, Data("aft"), End("aft")]);
        yield return ("another hash", [start, Data("after"), End("berof")]);
        yield return ("a trailer of other bytes", [start, Data("after"), End("afterwards")]);
        yield return ("two ends", [start, Data("after"), End("after"), End("after")]);
        yield return ("something behind the end", [start, Data("after"), End("after"), Data("x")]);
        yield return ("a second start", [start, start, Data("after"), End("after")]);
        yield return ("a second start for another service", [start, Changed(s => s.Service = "wiki"), Data("after"), End("after")]);
        yield return ("a setuid mode", [Changed(s => s.Mode = 0x9ff), Data("after"), End("after")]);
        yield return ("100 GB", [Changed(s => s.Bytes = 100_000_000_000), Data("after"), End("after")]);
        yield return ("2^64-1 bytes", [Changed(s => s.Bytes = ulong.MaxValue), Data("after"), End("after")]);
        yield return ("not over what is there", [Changed(s => s.Overwrite = false), Data("after"), End("after")]);
    }

    [Test]
    public async Task A_stream_that_is_not_one_whole_file_changes_nothing()
    {
        await using var agent = await RealAgent.StartAsync();
        await PushAsync(agent.Local.PushFile, "notes", "file", Before, s => s.NewService = true);
        foreach (var (name, messages) in Broken())
        {
            await Assert.That(async () => await SendAsync(agent.Local.PushFile, [.. messages.Select(Known)], MasterBench.Operation())).Throws<McpException>().Because(name);
            await Assert.That(await File.ReadAllBytesAsync(Path.Combine(agent.DataRoot, "notes/file"))).IsEquivalentTo(Before).Because(name);
            await Assert.That(Directory.GetFileSystemEntries(Path.Combine(agent.DataRoot, "notes")).Length).IsEqualTo(1).Because(name);
        }
    }

    [Test]
    public async Task A_folder_that_should_hold_data_and_is_gone_is_not_made_anew()
    {
        await using var agent = await RealAgent.StartAsync();
        await PushAsync(agent.Local.PushFile, "notes", "file", Before, s => s.NewService = true);
        await agent.Local.AcceptDataAsync(new AcceptDataRequest { Service = "notes" }, MasterBench.Operation());
        Directory.Move(Path.Combine(agent.DataRoot, "notes"), Path.Combine(agent.Outside, "unmounted"));
        var fault = await Assert.That(async () => await PushAsync(agent.Local.PushFile, "notes", "file", Before, s => s.NewService = true)).Throws<McpException>();
        await Assert.That(fault!.Hint).Contains("findmnt");
        await Assert.That(Directory.Exists(Path.Combine(agent.DataRoot, "notes"))).IsFalse();
    }

    [Test]
    public async Task A_cut_call_leaves_nothing_and_the_next_one_works()
    {
        await using var agent = await RealAgent.StartAsync();
        using var cut = new CancellationTokenSource();
        using var call = agent.Local.PushFile(MasterBench.Operation().WithCancellationToken(cut.Token));
        await call.RequestStream.WriteAsync(new FileWrite { Start = new FileStart { Service = "notes", Path = "file", Bytes = 1_000_000, NewService = true } });
        await call.RequestStream.WriteAsync(new FileWrite { Data = ByteString.CopyFrom(new byte[64 * 1024]) });
        await MasterBench.UntilAsync(() => Task.FromResult(Directory.Exists(Path.Combine(agent.DataRoot, "notes")) && Directory.GetFiles(Path.Combine(agent.DataRoot, "notes")).Length == 1), "the file is begun");
        await cut.CancelAsync();
        await MasterBench.UntilAsync(() => Task.FromResult(Directory.GetFiles(Path.Combine(agent.DataRoot, "notes")).Length == 0), "nothing is left of it");
        await PushAsync(agent.Local.PushFile, "notes", "file", Before, s => s.NewService = true);
    }

    [Test]
    public async Task A_folder_that_is_swapped_for_a_link_during_the_calls_never_leads_out()
    {
        await using var agent = await RealAgent.StartAsync();
        var folder = Path.Combine(agent.DataRoot, "notes");
        Directory.CreateDirectory(Path.Combine(folder, "real"));
        Directory.CreateSymbolicLink(Path.Combine(folder, "link"), agent.Outside);
        await File.WriteAllTextAsync(Path.Combine(agent.Outside, "out"), "not yours");
        await File.WriteAllTextAsync(Path.Combine(folder, "real", "out"), "yours");
        using var stop = new CancellationTokenSource();
        // What a container can do: its folder is the one name at one moment and a link out of it at the next.
        var swaps = 0;
        var swapper = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                foreach (var name in new[] { "real", "link" })
                {
                    Rename(Path.Combine(folder, name), Path.Combine(folder, "conf"));
                    Rename(Path.Combine(folder, "conf"), Path.Combine(folder, name));
                    swaps++;
                }
            }
        });
        swapper.Start();
        try
        {
            for (var i = 0; i < 60; i++)
            {
                try
                {
                    await PushAsync(agent.Local.PushFile, "notes", "conf/in", Before, s => s.NewService = true);
                }
                catch (McpException)
                {
                    // It met the link, or nothing.
                }
                try
                {
                    await Assert.That(await PullAsync(agent.Local.PullFile, "notes", "conf/out")).IsEquivalentTo("yours"u8.ToArray());
                }
                catch (McpException)
                {
                    // As above.
                }
            }
        }
        finally
        {
            await stop.CancelAsync();
            swapper.Join();
        }
        await Assert.That(swaps).IsGreaterThan(100);
        await Assert.That(Directory.GetFileSystemEntries(agent.Outside).Select(p => Path.GetFileName(p)!)).IsEquivalentTo(["out"]);
    }

    private static FileWrite Known(FileWrite message)
    {
        var known = message.Clone();
        if (known.Start is { } start)
            start.NewService = true;
        return known;
    }

    private static Task<FileWritten> PushAsync(
        Func<CallOptions, AsyncClientStreamingCall<FileWrite, FileWritten>> push, string service, string path, byte[] content,
        Action<FileStart>? change = null, CallOptions? operation = null)
    {
        var start = new FileStart { Service = service, Path = path, Bytes = (ulong)content.Length, Mode = 0b110_100_100, Overwrite = true };
        change?.Invoke(start);
        var messages = content.Chunk(64 * 1024).Select(c => new FileWrite { Data = ByteString.CopyFrom(c) })
            .Prepend(new FileWrite { Start = start })
            .Append(new FileWrite { Trailer = new StreamTrailer { Bytes = (ulong)content.Length, Sha256 = Convert.ToHexStringLower(SHA256.HashData(content)) } });
        return SendAsync(push, [.. messages], operation ?? MasterBench.Operation());
    }

    private static async Task<FileWritten> SendAsync(
        Func<CallOptions, AsyncClientStreamingCall<FileWrite, FileWritten>> push, FileWrite[] messages, CallOptions operation)
    {
        using var call = push(operation);
        try
        {
            foreach (var message in messages)
                await call.RequestStream.WriteAsync(message);
            await call.RequestStream.CompleteAsync();
        }
        catch (Exception e) when (e is McpException or InvalidOperationException)
        {
            // It has answered already.
        }
        return await call.ResponseAsync;
    }

    private static async Task<byte[]> PullAsync(Func<FileRead, CallOptions, AsyncServerStreamingCall<FileContent>> pull, string service, string path)
    {
        using var call = pull(new FileRead { Service = service, Path = path }, new CallOptions());
        var content = new MemoryStream();
        var last = FileContent.PartOneofCase.None;
        await foreach (var part in call.ResponseStream.ReadAllAsync())
        {
            last = part.PartCase;
            content.Write(part.Data.Span);
        }
        await Assert.That(last).IsEqualTo(FileContent.PartOneofCase.Trailer);
        return content.ToArray();
    }

    [LibraryImport("libc", EntryPoint = "mknod", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeNode(string path, uint mode, ulong device);

    [LibraryImport("libc", EntryPoint = "rename", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Rename(string from, string to);
}
