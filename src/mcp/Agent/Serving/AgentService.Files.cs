using Grpc.Core;
using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Agent.Serving;

/// <summary>Single files of a service, in both directions.</summary>
internal sealed partial class AgentService
{
    /// <inheritdoc/>
    public override async Task<FileWritten> PushFile(IAsyncStreamReader<FileWrite> requestStream, ServerCallContext context)
    {
        var asker = AskerOf(context);
        if (!await requestStream.NextAsync(context.CancellationToken) || requestStream.Current.Start is not { } start)
            throw new McpException(FaultCode.InvalidArgument, "the first message of a push says what it is about");
        return await operations.PushAsync(asker, start, requestStream, context.CancellationToken);
    }

    /// <inheritdoc/>
    public override async Task PullFile(FileRead request, IServerStreamWriter<FileContent> responseStream, ServerCallContext context)
    {
        Obey(context);
        var sent = await outlet.SendAsync(request, responseStream, context.CancellationToken);
        var by = context.GetActor().ToString();
        parts.Events.Add(new NodeEvent("file-read", "info", $"{sent}, by {by}")
        {
            Service = request.Service,
            Principal = by,
            Direct = context.GetCaller().Principal?.Kind != Names.PrincipalKind.Master,
        });
    }
}
