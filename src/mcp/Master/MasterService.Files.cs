using Grpc.Core;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Master;

internal sealed partial class MasterService
{
    /// <inheritdoc/>
    public override Task<FileWritten> Push(IAsyncStreamReader<FileWrite> requestStream, ServerCallContext context) =>
        parts.Files.PushAsync(requestStream, context.RequireOperation(), By(context), context.CancellationToken);

    /// <inheritdoc/>
    public override Task Pull(FileRead request, IServerStreamWriter<FileContent> responseStream, ServerCallContext context) =>
        UntilTheEndAsync(context, stop => parts.Files.PullAsync(request, responseStream, By(context), stop));
}
