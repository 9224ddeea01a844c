using Google.Protobuf;
using Grpc.Core;
using Mcp.Archive;
using Mcp.Certificates;
using Mcp.Names;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.EndToEnd.Harness;

/// <summary>The agent of a fleet, called with the master's own identity: for the calls that are the master's alone.</summary>
internal sealed class MastersVoice : IDisposable
{
    private readonly PeerChannel _channel;
    private readonly string _address;

    /// <summary>Opens the channel; the master may run or not.</summary>
    public MastersVoice(SplitFleet fleet)
    {
        _address = fleet.MasterAddress;
        var trust = new TrustSource(TrustBundle.FromFile(Path.Combine(fleet.AgentHome, "certs/ca.pem")));
        var credential = Directory.GetFiles(Path.Combine(fleet.MasterHome, "certs"), "*.pem").First(f => File.ReadAllText(f).Contains("PRIVATE KEY", StringComparison.Ordinal));
        _channel = PeerChannel.Open([fleet.AgentAddress], Principal.AgentOf(NodeName.Parse(SplitFleet.Node)), CredentialSource.Open(new CredentialFile(credential)), trust, "e2e.test", TimeProvider.System);
        Agent = new McpAgentService.McpAgentServiceClient(_channel);
    }

    /// <summary>The client.</summary>
    public McpAgentService.McpAgentServiceClient Agent { get; }

    /// <summary>Options of a call with an operation of its own, or with the one given.</summary>
    public CallOptions Operation(string? id = null) => new(
        new Metadata
        {
            { CallMetadata.Operation, id ?? OperationId.New(TimeProvider.System).Value },
            { CallMetadata.Term, "1" },
            { CallMetadata.MasterAddress, _address },
        },
        DateTime.UtcNow.AddMinutes(5));

    /// <summary>Imports a stored archive.</summary>
    /// <param name="first">The first message.</param>
    /// <param name="stored">The .tar.zst.</param>
    /// <param name="id">The operation; null: one of its own.</param>
    /// <param name="before">Asked before each piece: its number from 0.</param>
    /// <param name="trailer">What is said at the end; null: the truth.</param>
    public async Task<ImportServiceDataResponse> ImportAsync(
        ImportServiceDataRequest first, string stored, string? id = null, Func<int, Task>? before = null, StreamTrailer? trailer = null)
    {
        using var call = Agent.ImportServiceData(Operation(id));
        trailer ??= TrailerOf(stored);
        try
        {
            await call.RequestStream.WriteAsync(first);
            await using var file = File.OpenRead(stored);
            var buffer = new byte[256 * 1024];
            for (var piece = 0; await file.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false) is var length and > 0; piece++)
            {
                if (before is not null)
                    await before(piece);
                await call.RequestStream.WriteAsync(new ImportServiceDataRequest { Data = ByteString.CopyFrom(buffer, 0, length) });
            }
            await call.RequestStream.WriteAsync(new ImportServiceDataRequest { Trailer = trailer });
            await call.RequestStream.CompleteAsync();
        }
        catch (Exception e) when (e is Errors.McpException or InvalidOperationException)
        {
            // It has answered already, or is gone: the answer says which.
        }
        return await call.ResponseAsync;
    }

    /// <summary>Exports all of a service's data, as a migration does, into a file; it must be what its trailer says.</summary>
    public async Task ExportAsync(string service, string stored)
    {
        using var call = Agent.ExportServiceData(new ExportServiceDataRequest { ServiceName = service, Mode = "move" }, Operation());
        StreamTrailer? trailer = null;
        await using (var file = File.Create(stored))
        {
            await foreach (var part in call.ResponseStream.ReadAllAsync())
            {
                file.Write(part.Data.Span);
                trailer = part.Trailer ?? trailer;
            }
        }
        if (TrailerOf(stored) is var came && (trailer?.Sha256, trailer?.Bytes, trailer?.Entries) != (came.Sha256, came.Bytes, came.Entries))
            throw new InvalidOperationException($"the export of {service} is not what its trailer says: {trailer} and {came}");
    }

    /// <summary>Drills a stored archive.</summary>
    public async Task<DrillServiceResponse> DrillAsync(DrillServiceRequest first, string stored, string? id = null)
    {
        using var call = Agent.DrillService(Operation(id));
        await call.RequestStream.WriteAsync(first);
        foreach (var piece in (await File.ReadAllBytesAsync(stored)).Chunk(256 * 1024))
            await call.RequestStream.WriteAsync(new DrillServiceRequest { Data = ByteString.CopyFrom(piece) });
        await call.RequestStream.WriteAsync(new DrillServiceRequest { Trailer = TrailerOf(stored) });
        await call.RequestStream.CompleteAsync();
        return await call.ResponseAsync;
    }

    /// <summary>What a sender says at the end of a stored archive.</summary>
    public static StreamTrailer TrailerOf(string stored)
    {
        using var file = File.OpenRead(stored);
        using var zstd = new ZstdInput(file);
        using var digest = new DigestStream(zstd);
        var reader = new ArchiveReader(digest, new ArchiveLimits());
        while (reader.Next() is not null)
        {
        }
        return new StreamTrailer { Sha256 = digest.Sha256, Bytes = (ulong)digest.Count, Entries = (ulong)reader.Entries };
    }

    public void Dispose() => _channel.Dispose();
}
