using Grpc.Core;
using Mcp.Errors;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Tests.Transport;

/// <summary>An agent's service that only shows what reaches it; what is not overridden answers Unimplemented without a detail.</summary>
internal sealed class StubAgent : McpAgentService.McpAgentServiceBase
{
    /// <summary>How many Events streams are open.</summary>
    public int Streams;

    public override Task<NodeStatusResponse> NodeStatus(NodeStatusRequest request, ServerCallContext context) =>
        Task.FromResult(new NodeStatusResponse { Name = context.GetActor().ToString(), Address = context.GetCaller().Peer });

    public override Task<LiveCheckResponse> LiveCheck(LiveCheckRequest request, ServerCallContext context) =>
        throw new McpException(FaultCode.FailedPrecondition, "it cannot be done")
        {
            Node = "orion",
            Step = "stop",
            Cause = "podman said no",
            Hint = "mcp status notes",
            State = "nothing was changed",
            Problems = [.. Enumerable.Range(1, 500).Select(i => new TextProblem("notes.toml", i, 3, "components[0].image", new string('x', 200)))],
        };

    public override Task<ListDataResponse> ListData(ListDataRequest request, ServerCallContext context) =>
        throw new InvalidDataException("the password is swordfish");

    public override Task<GetOperationResponse> GetOperation(GetOperationRequest request, ServerCallContext context) =>
        Task.FromResult(new GetOperationResponse { Operation = new Operation { Id = context.RequireOperation().Value } });

    public override async Task Events(EventsRequest request, IServerStreamWriter<FleetEvent> responseStream, ServerCallContext context)
    {
        Interlocked.Increment(ref Streams);
        try
        {
            await responseStream.WriteAsync(new FleetEvent { Kind = "first" }, context.CancellationToken);
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
        }
        finally
        {
            Interlocked.Decrement(ref Streams);
        }
    }

    public override async Task<FileWritten> PushFile(IAsyncStreamReader<FileWrite> requestStream, ServerCallContext context)
    {
        ulong bytes = 0;
        await foreach (var part in requestStream.ReadAllAsync(context.CancellationToken))
            bytes += (ulong)(part.Data?.Length ?? 0);
        return new() { Bytes = bytes };
    }
}
